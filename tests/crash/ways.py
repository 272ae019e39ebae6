"""The ways from the button to the calendar, in steps: by card or bank, told by deliveries or not."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.crash.customers import Customer
from tests.crash.shops import Shop
from tests.crash.verdict import Books
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

PATIENCE = 40.0  # seconds; a delivery comes back after up to 16
PRICES = (15000, 16000)
AT_START = ('start', 'price', 'reconciler')
ENDPOINTS = ('button', 'webhook', 'return', 'order page', 'price')


class Stage:
    """The shop, the sandbox, the ledger, and the customer of one trial."""

    def __init__(self, shop: Shop, sandbox: SandboxClient, books: Books) -> None:
        self.shop = shop
        self.sandbox = sandbox
        self.books = books
        self.customer = Customer(shop, sandbox)
        self.looked_at = set[str]()  # ids of orders whose pages were judged
        self.send_deliveries_here()

    def send_deliveries_here(self) -> None:
        """Let deliveries go to where the shop is."""
        self.sandbox.send_webhooks_to(self.shop.url)

    def new_customer(self) -> None:
        """Let somebody else come."""
        self.customer.leave()
        self.customer = Customer(self.shop, self.sandbox)
        self.customer.arrive()

    def settle(self) -> None:
        """Let the bank pay what was promised."""
        for session in self._promised():
            try:
                self.sandbox.act('settle', session=session)
            except AssertionError:
                if session in self._promised():  # else the bank was quicker: it pays by itself after a while
                    raise

    def _promised(self) -> list[str]:
        sessions = self.sandbox.state()['sessions']
        complete = [each for each in sessions if each['status'] == 'complete']
        return [each['id'] for each in complete if each['payment_status'] == 'unpaid']

    def wait_until_delivered(self) -> None:
        """Wait until the last delivery was taken, or the shop is dead."""
        wait_until(
            lambda: (
                not self.shop.is_running or self.sandbox.state()['deliveries'][-1]['state'] == 'delivered'
            ),
            seconds=PATIENCE,
            why='the delivery is taken',
        )

    def wait_until_paid(self) -> None:
        """Wait until the ledger knows what the customer paid, or the shop is dead."""
        wanted = self.customer.paid[-1]
        wait_until(
            lambda: not self.shop.is_running or wanted in self.books.paid_sessions(),
            seconds=PATIENCE,
            why=f'{wanted} is paid in the ledger',
        )


Step = Callable[[Stage], None]


def press(stage: Stage) -> None:
    """Press the button."""
    stage.customer.press_until_open()


def pay(stage: Stage) -> None:
    """Pay by card."""
    stage.customer.pay()


def promise(stage: Stage) -> None:
    """Pay by bank, which takes its time."""
    stage.customer.pay('bank')


def settle(stage: Stage) -> None:
    """The bank pays, and the shop is told."""
    stage.settle()
    stage.wait_until_delivered()


def find_out(stage: Stage) -> None:
    """Nobody tells the shop; it finds out."""
    stage.wait_until_paid()
    stage.shop.await_round()


def start_again(stage: Stage) -> None:
    """The shop is cut off and started; it may die of what it does at its start."""
    stage.shop.kill()
    stage.shop.start(doomed=True)
    find_out(stage)


def come_back(stage: Stage) -> None:
    """Follow the way back to the page of the order."""
    stage.customer.come_back()


def look(stage: Stage) -> None:
    """Look at that page until the calendar is there."""
    stage.customer.wait_for_calendar()


def change_price(stage: Stage) -> None:
    """The price changes; the shop learns of it by the next customer, whom it refuses."""
    amount = stage.sandbox.act('price')['unit_amount']
    stage.sandbox.act('price', amount=PRICES[amount == PRICES[0]])
    stranger = Customer(stage.shop, stage.sandbox)
    try:
        stranger.press()
    finally:
        stranger.leave()


@dataclass(frozen=True)
class Way:
    """One way; ``told`` is whether deliveries arrive on it, ``endpoints`` are those whose points belong to it."""

    name: str
    steps: tuple[Step, ...]
    told: bool = True
    endpoints: tuple[str, ...] = ENDPOINTS


WAYS = (
    Way('by card', (press, press, pay, come_back, look)),
    Way('by card, no delivery', (press, pay, come_back, look), told=False),
    Way('by card, no delivery, no return', (press, pay, find_out), told=False, endpoints=('reconciler',)),
    Way('cut off after paying', (press, pay, start_again), told=False, endpoints=AT_START),
    Way('by bank', (press, promise, come_back, settle, look)),
    Way('the price changes', (press, change_price, press, pay, come_back, look)),
)
