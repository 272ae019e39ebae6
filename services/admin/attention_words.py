"""The words of what needs a hand: why, and the one sensible thing to do."""

import enum

from services.ledger.matters import AttentionKind, Matter
from services.ledger.records import EffectKind, UnmatchedReason
from services.payments import dashboard_url

CALENDLY = 'https://calendly.com/app/scheduled_events/user/me'
"""The coach's list of meetings: Calendly documents no address of a single one."""


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


TITLES = {
    AttentionKind.DISPUTE: 'Disputed payments',
    AttentionKind.REFUND_FAILED: 'Refunds that failed',
    AttentionKind.FRAUD_WARNING: 'Fraud reported by the card issuer',
    AttentionKind.MISMATCH: 'Payments that do not match',
    AttentionKind.DUPLICATE: 'Paid twice',
    AttentionKind.REFUNDED_BOOKED: 'Refunded, but still booked',
    AttentionKind.UNMATCHED: 'Booked, but not paid',
    AttentionKind.UNBOOKED: 'Paid, but not booked',
    AttentionKind.UNDER_REVIEW: 'Under review at Stripe',
    AttentionKind.EFFECT: 'Not carried out',
    AttentionKind.MAIL: 'Mail that was not sent',
    AttentionKind.DELIVERY: 'Webhook deliveries that fail',
    AttentionKind.CHECK: 'The shop itself',
}
MEETINGS: dict[str, str] = {
    UnmatchedReason.NO_KEY: 'was booked without an order',
    UnmatchedReason.UNKNOWN_KEY: 'names an order that is not known',
    UnmatchedReason.NOT_PAID: 'belongs to an order that is not paid',
    UnmatchedReason.REFUNDED: 'still stands, but its order was refunded',
    UnmatchedReason.SECOND_MEETING: 'is one more than its order paid for',
    UnmatchedReason.OTHER_LENGTH: 'is longer or shorter than what was paid for',
    UnmatchedReason.OTHER_EVENT_TYPE: 'is of an event type that is not the one sold',
    UnmatchedReason.DETACHED: 'was taken away from its order',
    UnmatchedReason.CALENDLY_PAYMENT: 'was paid at Calendly itself; the event type must be free',
}
EFFECTS: dict[str, str] = {
    EffectKind.MAKE_LINK: 'A calendar link could not be made',
    EffectKind.DELETE_LINK: 'An unused calendar link could not be deleted',
    EffectKind.CANCEL_MEETING: 'A meeting could not be canceled at Calendly',
    EffectKind.REFUND: 'A refund was not made',
    EffectKind.DRAFT_EVIDENCE: 'The evidence for a dispute was not drafted',
}
ACTIONS = {
    AttentionKind.DISPUTE: Action.STRIPE,
    AttentionKind.REFUND_FAILED: Action.REFUND,
    AttentionKind.FRAUD_WARNING: Action.REFUND,
    AttentionKind.MISMATCH: Action.REFUND,
    AttentionKind.DUPLICATE: Action.REFUND,
    AttentionKind.REFUNDED_BOOKED: Action.CANCEL_MEETING,
    AttentionKind.UNMATCHED: Action.ATTACH,
    AttentionKind.UNBOOKED: Action.SEND_LINK,
    AttentionKind.UNDER_REVIEW: Action.STRIPE,
    AttentionKind.EFFECT: Action.OPEN,
    AttentionKind.MAIL: Action.OPEN,
    AttentionKind.DELIVERY: Action.RETRY,
    AttentionKind.CHECK: Action.REMEDY,
}


def action_of(matter: Matter) -> Action:
    """Return the one sensible thing to do about a matter."""
    if matter.kind is AttentionKind.UNMATCHED and matter.order_id:  # it has an order, but is not paid for
        return Action.CALENDLY
    if matter.kind is AttentionKind.MAIL and not matter.reference:
        return Action.REMEDY
    is_outside = ACTIONS[matter.kind] is Action.STRIPE
    return Action.OPEN if is_outside and not url_of(matter) else ACTIONS[matter.kind]


def url_of(matter: Matter) -> str:
    """Return where the action leads to outside, '' where it stays here."""
    if matter.kind is AttentionKind.UNMATCHED and matter.order_id:
        return CALENDLY
    is_outside = ACTIONS[matter.kind] is Action.STRIPE
    return dashboard_url(matter.payment_id, matter.mode) if is_outside else ''


def sentence_of(matter: Matter) -> str:
    """Say why a matter needs a hand."""
    who, money = matter.name or matter.email or 'The customer', matter.money
    effect = EFFECTS.get(matter.detail, f'“{matter.detail}” was not carried out')
    meeting = MEETINGS.get(matter.detail, f'is not right: {matter.detail}')
    recipient = matter.email or 'an unknown address'
    return {
        AttentionKind.DISPUTE: f'{who} disputes {money}. Answer at Stripe, or refund to accept it.',
        AttentionKind.REFUND_FAILED: (
            f'A refund to {who} has failed: the bank sent the money back. '
            'Refund once more, or pay another way.'
        ),
        AttentionKind.FRAUD_WARNING: (
            f'The card issuer reports fraud for {money} of {who}. '
            'A refund now may avoid a dispute and its fee.'
        ),
        AttentionKind.MISMATCH: f'{who} has paid, but the payment does not match: {matter.detail}.',
        AttentionKind.DUPLICATE: (
            f'{who} has paid {money} and order {matter.detail} as well. Refund one unless both are wanted.'
        ),
        AttentionKind.REFUNDED_BOOKED: f'The meeting of {who} {meeting}.',
        AttentionKind.UNMATCHED: f'The meeting of {who} {meeting}.',
        AttentionKind.UNBOOKED: f'{who} has paid {money} and has no time yet.',
        AttentionKind.UNDER_REVIEW: f'Stripe reviews {money} of {who}. Approve or refund it at Stripe.',
        AttentionKind.EFFECT: f'{effect}: {matter.error or "it failed for days"}.',
        AttentionKind.MAIL: (
            f'The mail “{matter.detail}” to {recipient} was not sent for certain: {matter.error}.'
        ),
        AttentionKind.DELIVERY: f'A delivery of {matter.detail} fails: {matter.error}.',
    }[matter.kind]
