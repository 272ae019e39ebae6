"""Many customers at once, and a shop that dies at random moments: seeded, but never twice the same."""

from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from threading import Event

import httpx

from tests.crash.customers import Customer
from tests.crash.shops import Shop
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

SIZE = 6
PATIENCE = 60.0  # seconds until a shop that died is there again
LONGEST_LIFE = 1.6  # seconds
GIVES_UP = 0.25  # the share of customers who never come back after a shop has failed them
BY_BANK = 0.2


class RandomLoad:
    """Customers who keep coming until they are told that it is over."""

    def __init__(self, shop: Shop, sandbox: SandboxClient, *, seed: int) -> None:
        self._shop = shop
        self._sandbox = sandbox
        self._seed = seed
        self._over = Event()
        self._http = httpx.Client(trust_env=False)

    def visit(self, *, kills: int) -> None:
        """Let them come while the shop is killed and started again, so many times."""
        chance = Random(self._seed)
        with ThreadPoolExecutor(SIZE) as threads:
            customers = [
                threads.submit(self._keep_coming, Random(self._seed + n)) for n in range(1, SIZE + 1)
            ]
            try:
                for _ in range(kills):
                    self._over.wait(chance.uniform(0, LONGEST_LIFE))
                    self._shop.kill()
                    self._shop.start(watched=False)
            finally:
                self._over.set()
        _raise_first(customers)

    def _keep_coming(self, chance: Random) -> None:
        while not self._over.is_set():
            customer = Customer(self._shop, self._sandbox)
            self._buy(customer, chance)
            customer.leave()

    def _buy(self, customer: Customer, chance: Random) -> None:
        """Go the whole way; whoever meets a dead shop waits for it, or leaves for good."""
        method = 'bank' if chance.random() < BY_BANK else 'card'
        steps = [customer.arrive, customer.press_until_open, lambda: customer.pay(method), customer.come_back]
        steps += [customer.wait_for_calendar] if method == 'card' else []
        while steps:
            try:
                steps[0]()
            except httpx.TransportError:
                if chance.random() < GIVES_UP:
                    return
                wait_until(self._is_back, seconds=PATIENCE, why='the shop is back')
            else:
                del steps[0]

    def _is_back(self) -> bool:
        try:
            return self._http.get(f'{self._shop.url}/healthz').is_success
        except httpx.TransportError:
            return False


def _raise_first(customers: list[Future[None]]) -> None:
    for customer in customers:
        customer.result()
