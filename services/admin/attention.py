"""Needs a hand: what the operator should look at, each in a sentence, with the one thing to do."""

import enum
from dataclasses import dataclass
from datetime import datetime

from services.ledger.attention import AttentionKind


class Action(enum.StrEnum):
    """What there is to do; a page turns it into a link or a form.

    OPEN leads to the order. STRIPE leads to ``url``, the payment in Stripe's Dashboard. CALENDLY leads to
    ``url``, where Calendly lets the meeting be canceled, or to Calendly. SEND_LINK, REFUND, CANCEL_MEETING
    and ATTACH lead to that action of the order; ATTACH without an order leads to the search for one. RETRY
    has no page: it is tried again by itself. REMEDY is only the text of the remedy.
    """

    OPEN = 'open'
    STRIPE = 'stripe'
    CALENDLY = 'calendly'
    SEND_LINK = 'send link'
    REFUND = 'refund'
    CANCEL_MEETING = 'cancel meeting'
    ATTACH = 'attach'
    RETRY = 'retry'
    REMEDY = 'remedy'


@dataclass(frozen=True)
class AttentionItem:
    """One thing that needs a hand.

    Attributes:
        key: names it and its cause, for "snooze" and "done".
        kind: what is the matter.
        sentence: the reason, in words.
        since: since when in UTC, None where that is not known.
        action: the one sensible thing to do.
        remedy: how to do it, in words; '' where the action says it.
        url: where the action leads to outside, '' where it does not.
        reference: of the order that it concerns, '' where there is none.
        name: of the customer or of who booked.
        deadline: until when, in UTC.
        target: the id of the mail, effect, delivery or meeting that it is about.
    """

    key: str
    kind: AttentionKind
    sentence: str
    since: datetime | None
    action: Action
    remedy: str = ''
    url: str = ''
    reference: str = ''
    name: str = ''
    deadline: datetime | None = None
    target: str = ''


@dataclass(frozen=True)
class AttentionGroup:
    """The items of one kind: the first of them, and how many there are in all."""

    kind: AttentionKind
    title: str
    total: int
    items: tuple[AttentionItem, ...]


@dataclass(frozen=True)
class NeedsHand:
    """Everything that needs a hand, the most urgent kind first; without what is snoozed or done."""

    groups: tuple[AttentionGroup, ...]

    @property
    def total(self) -> int:
        """How many items there are."""
        return sum(group.total for group in self.groups)
