"""Many customers at once, and a shop that is killed at random times. The seed fixes choices, not timing."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event

import httpx

from tests.crash.customer import Customer
from tests.crash.shop import Shop
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

CUSTOMERS = 6
RESTART_TIMEOUT = 60.0  # seconds until a shop that died answers again
LONGEST_LIFE = 1.6  # seconds from a start to the next kill
GIVES_UP = 0.25  # the share of customers who never return after a request has failed
BY_BANK = 0.2


class RandomLoad:
    """Customers who buy one after another, several at once, until the kills are done."""

    def __init__(self, shop: Shop, sandbox: SandboxClient, *, seed: int) -> None:
        self._shop = shop
        self._sandbox = sandbox
        self._seed = seed
        self._over = Event()
        self._http = httpx.Client(trust_env=False)

    def run(self, *, kills: int) -> None:
        """Let customers buy while the shop is killed and started again this many times."""
        random = Random(self._seed)
        with ThreadPoolExecutor(CUSTOMERS) as threads:
            customers = [
                threads.submit(self._keep_buying, Random(self._seed + n)) for n in range(1, CUSTOMERS + 1)
            ]
            try:
                for _ in range(kills):
                    self._over.wait(random.uniform(0, LONGEST_LIFE))
                    self._shop.kill()
                    self._shop.start(kill_points=False)
            finally:
                self._over.set()
        for customer in customers:
            customer.result()

    def _keep_buying(self, random: Random) -> None:
        while not self._over.is_set():
            customer = Customer(self._shop, self._sandbox)
            self._buy(customer, random)
            customer.close()

    def _buy(self, customer: Customer, random: Random) -> None:
        """Buy once; when a request fails, wait for the shop and repeat the step, or give up."""
        method = 'bank' if random.random() < BY_BANK else 'card'
        steps = [
            customer.open_landing,
            customer.press_until_open,
            lambda: customer.pay(method),
            customer.return_from_stripe,
        ]
        steps += [customer.wait_for_calendar] if method == 'card' else []
        while steps:
            try:
                steps[0]()
            except httpx.TransportError:
                if random.random() < GIVES_UP:
                    return
                wait_until(self._answers, seconds=RESTART_TIMEOUT, why='the shop answers again')
            else:
                del steps[0]

    def _answers(self) -> bool:
        try:
            return self._http.get(f'{self._shop.url}/healthz').is_success
        except httpx.TransportError:
            return False
