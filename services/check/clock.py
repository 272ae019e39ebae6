"""The clock of this machine against Stripe's."""

from services.check.finding import Finding, of_health
from services.health import check_clock
from services.payments import Payments

PART = 'clock'


def check_time(payments: Payments) -> list[Finding]:
    """Compare the clocks, once Stripe has answered something."""
    return [
        of_health(PART, check_clock(payments.clock.problem), 'this machine and Stripe agree about the time')
    ]
