"""The steps of the set-up, and which answers each of them gives."""

from collections.abc import Collection, Mapping
from enum import StrEnum


class Step(StrEnum):
    """One step, in the order in which they are taken."""

    KEYS = 'keys'
    PRICE = 'price'
    CALENDAR = 'calendar'
    EVENT_TYPE = 'event-type'
    ADDRESS = 'address'
    PAYMENTS_WEBHOOK = 'payments-webhook'
    BOOKINGS_WEBHOOK = 'bookings-webhook'
    PASSWORD = 'password'  # noqa: S105  # the name of a step
    WRITE = 'write'


ANSWER: Mapping[Step, str] = {
    Step.KEYS: 'STRIPE_SECRET_KEY',
    Step.PRICE: 'STRIPE_PRICE_ID',
    Step.CALENDAR: 'CALENDLY_TOKEN',
    Step.EVENT_TYPE: 'CALENDLY_LINK',
    Step.ADDRESS: 'DOMAIN',
    Step.PAYMENTS_WEBHOOK: 'STRIPE_WEBHOOK_SECRET',
    Step.BOOKINGS_WEBHOOK: 'CALENDLY_WEBHOOK_SIGNING_KEY',
    Step.PASSWORD: 'ADMIN_PASSWORD',
}
"""The setting that says that a step was taken; '' is an answer, too: there is none."""

OUTDATES: Mapping[str, tuple[str, ...]] = {
    'STRIPE_SECRET_KEY': ('STRIPE_PRICE_ID', 'STRIPE_WEBHOOK_SECRET'),
    'CALENDLY_TOKEN': ('CALENDLY_LINK', 'CALENDLY_WEBHOOK_SIGNING_KEY'),
    'DOMAIN': ('STRIPE_WEBHOOK_SECRET', 'CALENDLY_WEBHOOK_SIGNING_KEY'),
}
"""Answers that must be given again when another one changes."""

LISTS = (ANSWER[Step.PAYMENTS_WEBHOOK], ANSWER[Step.BOOKINGS_WEBHOOK])
"""Settings that may have several values, with commas between them."""


def next_step(answered: Collection[str]) -> Step:
    """Return the first step whose answer is missing.

    Args:
        answered: the names of the settings that were answered.
    """
    return next((step for step, name in ANSWER.items() if name not in answered), Step.WRITE)


def taken(step: Step, answered: Collection[str]) -> bool:
    """Whether a step was taken."""
    return ANSWER.get(step) in answered
