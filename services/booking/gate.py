"""The calendar gate: which order shows its calendar."""

from services.orders import CalendarGate, Environment, Order


def calendar_gate(
    order: Order, *, environment: Environment, selling: bool, duplicates_open: bool = True
) -> CalendarGate:
    """Return whether an order shows its calendar, and if not, why.

    Args:
        order: the order as read from the ledger.
        environment: the environment the shop sells in.
        selling: whether a payment in this environment earns a time; test payments at a public address do not.
        duplicates_open: whether a second payment of the same customer opens its calendar too.
    """
    if not order.opens_calendar:
        return CalendarGate.PAYMENT
    if not order.environment.same_as(environment):
        return CalendarGate.ENVIRONMENT
    if not selling:
        return CalendarGate.TEST
    return CalendarGate.DUPLICATE if order.duplicate_of and not duplicates_open else CalendarGate.OPEN
