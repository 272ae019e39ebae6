"""One kill: let the shop die at a kill point of a scenario, start it again, reconcile once, and check it."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.crash.checks import (
    Findings,
    check_effects,
    check_mails,
    check_pages,
    check_payments,
    check_refunds,
)
from tests.crash.scenarios import Context, Scenario, pay_by_bank, press, return_from_stripe

ATTEMPTS = 4  # to reach a kill point; the shop does not pass each one every time


class AfterRestart(enum.StrEnum):
    """What happens after the shop died and was started again."""

    CONTINUES = 'the customer continues where they were'
    PRESSES_AGAIN = 'the customer presses the button again, and pays on every payment page so far'
    STAYS_AWAY = 'the customer never returns'
    NO_DELIVERIES = 'the customer never returns, and no delivery arrives'


@dataclass(frozen=True)
class KillPoint:
    """A point to die at, and the number of the step in which it is reached."""

    step: int
    name: str


def find_kill_points(scenario: Scenario, context: Context) -> list[KillPoint]:
    """Run a scenario without a kill; returns the points it passes, each in the last step that passes it."""
    found: dict[str, KillPoint] = {}
    with _webhooks(scenario, context):
        context.new_customer()
        context.shop.wait_for_round()  # afterwards everything is done that is done once on a new ledger
        for number, step in enumerate(scenario.steps):
            before = len(context.shop.trace())
            step(context)
            names = dict.fromkeys(context.shop.trace()[before:])
            found |= {
                name: KillPoint(number, name)
                for name in names
                if name.partition(': ')[0] in scenario.entry_points
            }
    return list(found.values())


def kill_once(point: KillPoint, scenario: Scenario, context: Context, after: AfterRestart) -> Findings | None:
    """Let the shop die at a point, start it again, reconcile once, and check it.

    Returns:
        What is wrong, or None if the shop did not reach the point.
    """
    for _ in range(ATTEMPTS):
        with _webhooks(scenario, context):
            context.new_customer()
            next_step = _run_until_dead(point, scenario, context)
            if next_step is not None:
                _restart(scenario, next_step, context, after)
                return _check(context)
        context.shop.kill()  # some points are passed once in the life of a process
        context.shop.start()
    return None


def _run_until_dead(point: KillPoint, scenario: Scenario, context: Context) -> int | None:
    """Run the steps until the shop dies; returns the number of the next step, or None if it did not die."""
    shop = context.shop
    for number, step in enumerate(scenario.steps):
        if number == point.step:
            shop.die_at(point.name)
        try:
            step(context)
        except httpx.TransportError:
            shop.wait_until_dead()
            return number
        if not shop.is_running:
            return number + 1
    if shop.dies_soon():  # the last step saw what was committed just before the point after that commit
        return len(scenario.steps)
    shop.clear_kill_point()
    return None


def _restart(scenario: Scenario, next_step: int, context: Context, after: AfterRestart) -> None:
    """Start the shop again; then the customer, the bank and the webhooks do what ``after`` says."""
    if after is AfterRestart.NO_DELIVERIES:
        context.shop.change_port()
    context.shop.start()
    if after is AfterRestart.CONTINUES:
        for step in scenario.steps[next_step:]:
            step(context)
    elif after is AfterRestart.PRESSES_AGAIN:
        press(context)
        context.customer.pay('bank' if pay_by_bank in scenario.steps else 'card')
        return_from_stripe(context)
    context.pay_out_bank_debits()


def _check(context: Context) -> Findings:
    context.shop.wait_for_round()
    assert context.shop.is_running, context.shop.log()[-4000:]
    findings = check_payments(context.ledger, context.sandbox)
    findings += check_mails(context.ledger, context.sandbox, may_repeat=context.shop.mails_cut_off())
    findings += check_effects(context.ledger, context.sandbox)
    findings += check_refunds(context.ledger, context.sandbox)
    new = [order for order in context.ledger.orders() if order.id not in context.checked]
    findings += check_pages(new, context.shop.url, booked=context.ledger.booked())
    context.checked.update(order.id for order in new)
    context.send_webhooks_to_shop()
    return findings


@contextmanager
def _webhooks(scenario: Scenario, context: Context) -> Iterator[None]:
    if not scenario.webhooks:
        context.sandbox.fault('webhook *', 'lose', times=None)
    yield
    context.sandbox.clear_faults()
