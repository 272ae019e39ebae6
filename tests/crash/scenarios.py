"""Scenarios from the button to the calendar, in steps: by card or by bank, with deliveries or without."""

from collections.abc import Callable
from dataclasses import dataclass

from services.ledger import EffectState
from services.orders import Order, State
from tests.crash.checks import LedgerReader
from tests.crash.customer import Customer
from tests.crash.operator import Operator
from tests.crash.shop import Shop
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient

TIMEOUT = 40.0  # seconds; a failed delivery is tried again after up to 16
PRICES = (15000, 16000)
ENTRY_POINTS = ('button', 'webhook', 'return', 'order page', 'price')
ENTRY_POINTS_AT_START = ('start', 'price', 'reconciler')

ENTRY_POINTS_OF_REFUNDS = ('webhook', 'order page', 'effects')
ENTRY_POINTS_OF_THE_OPERATOR = ('admin', 'effects')


class Context:
    """What the steps of a scenario work with: the shop, the sandbox, the ledger and the current customer."""

    def __init__(self, shop: Shop, sandbox: SandboxClient, ledger: LedgerReader) -> None:
        self.shop = shop
        self.sandbox = sandbox
        self.ledger = ledger
        self.customer = Customer(shop, sandbox)
        self.operator = Operator(shop)
        self.checked = set[str]()  # ids of the orders whose pages were checked
        self.send_webhooks_to_shop()

    def send_webhooks_to_shop(self) -> None:
        """Send webhooks to where the shop listens."""
        self.sandbox.send_webhooks_to(self.shop.url)

    def new_customer(self) -> None:
        """Replace the customer by a new one, who opens the landing page."""
        self.customer.close()
        self.customer = Customer(self.shop, self.sandbox)
        self.customer.open_landing()

    def pay_out_bank_debits(self) -> None:
        """Let the bank complete every payment that is still processing."""
        for session in self._processing():
            try:
                self.sandbox.act('settle', session=session)
            except AssertionError:
                if session in self._processing():  # otherwise the sandbox has just completed it by itself
                    raise

    def _processing(self) -> list[str]:
        sessions = self.sandbox.state()['sessions']
        complete = [each for each in sessions if each['status'] == 'complete']
        return [each['id'] for each in complete if each['payment_status'] == 'unpaid']

    def wait_until_delivered(self) -> None:
        """Wait until the last webhook was delivered, or the shop is dead."""
        wait_until(
            lambda: (
                not self.shop.is_running or self.sandbox.state()['deliveries'][-1]['state'] == 'delivered'
            ),
            seconds=TIMEOUT,
            why='the webhook is delivered',
        )

    def order(self) -> Order:
        """Return the order of the customer's last payment."""
        session = self.customer.paid[-1]
        return next(order for order in self.ledger.orders() if order.session_id == session)

    def is_taken_back(self) -> bool:
        """Whether the order is refunded and nothing remains to be done at Calendly."""
        effects = [row for row in self.ledger.effects() if row['order_id'] == self.order().id]
        is_refunded = self.order().state is State.REFUNDED
        return is_refunded and not any(row['state'] == EffectState.WANTED for row in effects)

    def wait_until_paid(self) -> None:
        """Wait until the customer's last payment is in the ledger, or the shop is dead."""
        wanted = self.customer.paid[-1]
        wait_until(
            lambda: not self.shop.is_running or wanted in self.ledger.paid_sessions(),
            seconds=TIMEOUT,
            why=f'{wanted} is paid in the ledger',
        )


Step = Callable[[Context], None]


def press(context: Context) -> None:
    """Press the button."""
    context.customer.press_until_open()


def pay_by_card(context: Context) -> None:
    """Pay by card."""
    context.customer.pay()


def pay_by_bank(context: Context) -> None:
    """Pay by bank; the payment is processing."""
    context.customer.pay('bank')


def complete_bank_debit(context: Context) -> None:
    """Let the bank complete the payment, and wait for the webhook."""
    context.pay_out_bank_debits()
    context.wait_until_delivered()


def wait_for_reconciler(context: Context) -> None:
    """Wait until the reconciler has found the payment by itself."""
    context.wait_until_paid()
    context.shop.wait_for_round()


def wait_for_mail(context: Context) -> None:
    """Wait until the customer's mail is marked as sent, or the shop is dead."""
    session = context.customer.paid[-1]
    wait_until(
        lambda: not context.shop.is_running or session in context.ledger.mailed_sessions(),
        seconds=TIMEOUT,
        why='the mail is sent',
    )


def restart(context: Context) -> None:
    """Kill the shop and start it; it may die at a kill point of its start."""
    context.shop.kill()
    context.shop.start(may_die=True)
    wait_for_reconciler(context)


def return_from_stripe(context: Context) -> None:
    """Follow the link from the payment page to the order page."""
    context.customer.return_from_stripe()


def wait_for_calendar(context: Context) -> None:
    """Reload the order page until it shows the calendar."""
    context.customer.wait_for_calendar()


def book(context: Context) -> None:
    """Book a time on the calendar that the order page shows; the webhook tells the shop."""
    order = context.order()
    if order.calendar_url:
        context.sandbox.book(
            f'{order.calendar_url}?utm_content={order.booking_key}', name='Ann', email='a@b.co'
        )
        context.wait_until_delivered()


def take_back(context: Context) -> None:
    """Refund the payment in Stripe's dashboard."""
    context.sandbox.act('refund', session=context.customer.paid[-1])


def sign_in(context: Context) -> None:
    """Sign in to the admin, once for all customers."""
    context.operator.sign_in()


def refund_in_admin(context: Context) -> None:
    """Send the form of a refund in the admin; repeated, it is the same form."""
    assert context.operator.refund(context.order()) in ('refund-begun', 'refund-known')


def wait_for_effects(context: Context) -> None:
    """Wait until the refund is in the ledger, and everything that follows from it was carried out."""
    wait_until(
        lambda: not context.shop.is_running or context.is_taken_back(),
        seconds=TIMEOUT,
        why='the effects of the refund',
    )


def change_price(context: Context) -> None:
    """Change the price; the shop notices at the next press, by another customer, and refuses it."""
    amount = context.sandbox.act('price')['unit_amount']
    context.sandbox.act('price', amount=PRICES[amount == PRICES[0]])
    other = Customer(context.shop, context.sandbox)
    try:
        other.press()
    finally:
        other.close()


@dataclass(frozen=True)
class Scenario:
    """A purchase in steps.

    Args:
        name: for the report.
        steps: in order.
        webhooks: whether deliveries arrive.
        entry_points: those whose kill points belong to this scenario.
    """

    name: str
    steps: tuple[Step, ...]
    webhooks: bool = True
    entry_points: tuple[str, ...] = ENTRY_POINTS


SCENARIOS = (
    Scenario('by card', (press, press, pay_by_card, return_from_stripe, wait_for_calendar)),
    Scenario(
        'by card, no delivery', (press, pay_by_card, return_from_stripe, wait_for_calendar), webhooks=False
    ),
    Scenario(
        'by card, no delivery, no return',
        (press, pay_by_card, wait_for_reconciler),
        webhooks=False,
        entry_points=('reconciler',),
    ),
    Scenario(
        'restart after paying',
        (press, pay_by_card, restart),
        webhooks=False,
        entry_points=ENTRY_POINTS_AT_START,
    ),
    Scenario('the mail', (press, pay_by_card, wait_for_mail), entry_points=('mail',)),
    Scenario('by bank', (press, pay_by_bank, return_from_stripe, complete_bank_debit, wait_for_calendar)),
    Scenario(
        'refunded before booking',
        (press, pay_by_card, return_from_stripe, wait_for_calendar, take_back, wait_for_effects),
        entry_points=ENTRY_POINTS_OF_REFUNDS,
    ),
    Scenario(
        'booked and refunded',
        (press, pay_by_card, return_from_stripe, wait_for_calendar, book, take_back, wait_for_effects),
        entry_points=ENTRY_POINTS_OF_REFUNDS,
    ),
    Scenario(
        'refunded in the admin',
        (
            *(sign_in, press, pay_by_card, return_from_stripe, wait_for_calendar, book),
            *(refund_in_admin, wait_for_effects),
        ),
        entry_points=ENTRY_POINTS_OF_THE_OPERATOR,
    ),
    Scenario(
        'the price changes',
        (press, change_price, press, pay_by_card, return_from_stripe, wait_for_calendar),
    ),
)
