"""The calendar gate: which order shows its calendar."""

from services.orders import CalendarGate, Environment, Order


def calendar_gate(order: Order, *, environment: Environment, selling: bool) -> CalendarGate:
    """Return whether an order shows its calendar, and if not, why.

    Args:
        order: the order as read from the ledger.
        environment: the environment the shop sells in.
        selling: whether a payment in this environment earns a time; test payments at a public address do not.
    """
    if not order.opens_calendar:
        return CalendarGate.PAYMENT
    if not order.environment.same_as(environment):
        return CalendarGate.ENVIRONMENT
    return CalendarGate.OPEN if selling else CalendarGate.TEST
