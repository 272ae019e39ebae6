"""What an order's page tells: facts, meetings, timeline, mails, effects, deliveries, and other orders."""

from collections.abc import Iterable
from datetime import datetime, tzinfo

from babel.dates import format_datetime
from markupsafe import Markup

from services.admin.order import OrderDetails
from services.ledger.records import (
    EffectKind,
    EffectState,
    JournalLine,
    MailState,
    UnmatchedBooking,
    UnmatchedReason,
)
from services.money import Money
from services.orders import AlertKind, Booking, BookingState, Canceler, Cause, MailKind
from ui.admin.components import (
    LOCALE,
    Tone,
    amount,
    booked_status,
    count,
    exact,
    facts,
    outside,
    state_status,
    status,
    time,
)
from ui.components.builder import h, join

CAUSES = {
    Cause.BUTTON: 'the customer, at the pay button',
    Cause.FORM: 'the customer, by a form',
    Cause.API: 'the JSON API',
    Cause.PAGE: 'the open page of the order',
    Cause.WEBHOOK: 'a webhook',
    Cause.RETURN: 'the customer, coming back from Stripe',
    Cause.RECONCILER: 'the regular comparison with Stripe and Calendly',
    Cause.OPERATOR: 'the operator',
    Cause.RESTORE: 'a restore from a backup',
}
MAILS = {
    MailKind.PAID: 'Link to the order, after the payment',
    MailKind.MISMATCH: 'We have your payment and will write to you',
    MailKind.REMINDER: 'Reminder to pick a time',
    MailKind.REFUNDED: 'The money is on its way back',
    MailKind.OLD_ADDRESS: 'The address was corrected (to the old one)',
    MailKind.NEW_ADDRESS: 'The address was corrected (to the new one)',
    MailKind.LINK: 'Link to the order, sent by you',
    MailKind.LINKS: 'Links of all orders, asked for at “I already paid”',
    MailKind.ALERTS: 'Alert to the operator',
}
MAIL_STATES = {
    MailState.WANTED: ('to be sent', Tone.NOTE),
    MailState.SENDING: ('being sent', Tone.NOTE),
    MailState.SENT: ('sent', Tone.GOOD),
    MailState.REFUSED: ('refused', Tone.BAD),
    MailState.GIVEN_UP: ('given up', Tone.BAD),
    MailState.UNKNOWN: ('perhaps sent', Tone.NOTE),
    MailState.DROPPED: ('not needed any more', Tone.QUIET),
}
EFFECTS = {
    EffectKind.MAKE_LINK: 'Make the calendar link',
    EffectKind.DELETE_LINK: 'Delete the unused calendar link',
    EffectKind.CANCEL_MEETING: 'Cancel the meeting',
    EffectKind.REFUND: 'Refund',
    EffectKind.DRAFT_EVIDENCE: 'Write the draft of the evidence at Stripe',
}
EFFECT_STATES = {
    EffectState.WANTED: ('being carried out', Tone.NOTE),
    EffectState.DONE: ('done', Tone.GOOD),
    EffectState.REFUSED: ('refused', Tone.BAD),
    EffectState.DROPPED: ('not needed any more', Tone.QUIET),
    EffectState.GIVEN_UP: ('given up', Tone.BAD),
}
REASONS = {
    UnmatchedReason.NO_KEY: 'it was not booked through the page of an order',
    UnmatchedReason.UNKNOWN_KEY: 'it names an order that is not known here',
    UnmatchedReason.NOT_PAID: 'the order is not paid',
    UnmatchedReason.REFUNDED: 'the order was refunded',
    UnmatchedReason.SECOND_MEETING: 'it is one more than was paid for',
    UnmatchedReason.OTHER_LENGTH: 'it is longer or shorter than what was bought',
    UnmatchedReason.OTHER_EVENT_TYPE: 'it is of another event type',
    UnmatchedReason.CALENDLY_PAYMENT: 'Calendly itself took a payment for it',
    UnmatchedReason.DETACHED: 'you detached it from its order',
}
CANCELERS = {Canceler.HOST: 'by you', Canceler.INVITEE: 'by the customer', Canceler.UNKNOWN: ''}
ALERTS = {kind: f'An alert about it: {kind}' for kind in AlertKind}


def head(details: OrderDetails, mode: str) -> Markup:
    """Build what is read first: the states, and the order in one sentence.

    Args:
        details: the order.
        mode: the one that the shop sells in; another one is said.
    """
    order = details.order
    marks = [state_status(order.state)]
    if booked := booked_status(details.booked):
        marks.append(booked)
    if order.fraud_warning:
        marks.append(status('fraud warning', Tone.BAD))
    if order.refund_failed_at:
        marks.append(status('a refund failed', Tone.BAD))
    if order.environment.mode != mode:
        marks.append(h('span', f'{order.environment.mode} environment', class_='quiet'))
    return join(h('p', *marks, class_='row'), h('p', details.sentence, class_='lead'))


def summary(details: OrderDetails, zone: tzinfo) -> Markup:
    """Build the facts of the order."""
    order = details.order
    seen, currency = order.facts, order.paid.currency
    paid = time(order.completed_at, exact(order.completed_at, zone), zone) if order.completed_at else None
    due = time(seen.dispute_due_at, exact(seen.dispute_due_at, zone), zone) if seen.dispute_due_at else None
    corrected = h(
        'span',
        order.contact_email,
        ' ',
        h('span', f'corrected; Stripe has {seen.email or "none"}', class_='quiet'),
    )
    links = (
        outside('Payment at Stripe', details.stripe_url),
        outside('Receipt at Stripe', seen.receipt_url),
        outside('Meetings at Calendly', details.calendly_url),
        outside('Page of the customer', details.customer_url),
    )
    return join(
        facts(
            ('Name', seen.name),
            ('E-mail', corrected if order.contact_email else seen.email),
            ('Telephone', seen.phone),
            ('Bought', order.purchase.title),
            ('Amount', amount(order.paid)),
            ('Discount', _money(seen.amount_discount, currency)),
            ('Tax', _money(seen.amount_tax, currency)),
            ('Refunded', _money(seen.amount_refunded, currency)),
            ('Disputed', _money(seen.amount_disputed, currency)),
            ('Lost', _money(seen.amount_lost, currency)),
            ('Dispute', seen.dispute_status),
            ('Answer until', due),
            ('Differs', seen.mismatch),
            ('Repeats', h('p', _order_link(order.duplicate_of)) if order.duplicate_of else None),
            ('Begun', time(order.created_at, exact(order.created_at, zone), zone)),
            ('Paid', paid),
            ('Receipt', seen.receipt_number),
            ('Stripe', seen.payment_id or order.session_id),
        ),
        h('p', *(link for link in links if link is not None), class_='links'),
    )


def _money(minor: int, currency: str) -> Markup | None:
    return amount(Money(minor, currency)) if minor else None


def _order_link(reference: str) -> Markup | None:
    return h('a', reference, href=f'/admin/orders/{reference}') if reference else None


def timeline(lines: Iterable[JournalLine], zone: tzinfo) -> Markup:
    """Build the journal: what happened, the newest first, who caused it, and when."""
    entries = []
    for line in reversed([*lines]):
        cause = CAUSES[line.because]
        who = (
            f'{line.actor}, {cause}'
            if line.actor and line.because is not Cause.OPERATOR
            else line.actor or cause
        )
        shown = time(line.at, exact(line.at, zone), zone)
        entries.append(h('li', h('p', line.line), h('p', shown, f' · {who}', class_='about')))
    return join(*entries)


def when(start: datetime, end: datetime, zone: tzinfo) -> Markup:
    """Write the time of a meeting."""
    clock = format_datetime(end.astimezone(zone), 'h:mm a', locale=LOCALE)
    begin = format_datetime(start.astimezone(zone), 'EEE, MMM d, y, h:mm a', locale=LOCALE)
    return time(start, f'{begin} – {clock}', zone)


def booking_text(booking: Booking, zone: tzinfo, now: datetime) -> Markup:
    """Build what is read of a meeting."""
    canceled = booking.state is BookingState.CANCELED
    if canceled:
        shown = status(f'canceled {CANCELERS[booking.canceled_by]}'.strip(), Tone.QUIET)
    elif booking.no_show:
        shown = status('did not come', Tone.NOTE)
    else:
        shown = status('over', Tone.QUIET) if booking.end <= now else status('booked', Tone.GOOD)
    moment = when(booking.start, booking.end, zone)
    who = ' · '.join(part for part in (booking.name, booking.email, booking.phone) if part)
    place = booking.place or ('The link to join follows.' if booking.link_follows else '')
    return join(
        h('h3', h('s', moment) if canceled else moment),
        h('p', shown),
        h('p', who, class_='about') if who else None,
        h('p', place, class_='about') if place else None,
        h('p', f'“{booking.cancel_reason}”', class_='about') if booking.cancel_reason else None,
        h('p', 'Moved here from another time.', class_='about') if booking.replaces else None,
    )


def unmatched_text(row: UnmatchedBooking, zone: tzinfo) -> Markup:
    """Build what is read of a meeting that nobody paid for in this form."""
    who = ' · '.join(part for part in (row.name, row.email) if part)
    return join(
        h('h3', when(row.start, row.end, zone)),
        h('p', status(f'unmatched: {REASONS[row.reason]}', Tone.NOTE)),
        h('p', who, class_='about') if who else None,
    )


def outcome(
    words: str, shown: Markup, at: datetime, zone: tzinfo, tries: int, error: str, to: str = ''
) -> Markup:
    """Build what is read of a mail, an effect or a delivery.

    Args:
        words: what it is.
        shown: its state.
        at: when that was.
        zone: in which the time is said.
        tries: how often it was tried.
        error: what was answered.
        to: the recipient.
    """
    about = [part for part in (to, count(tries, 'try').replace('trys', 'tries') if tries > 1 else '') if part]
    moment = time(at, exact(at, zone), zone)
    return join(
        h('h3', words),
        h('p', shown, ' ', h('span', moment, *(f' · {part}' for part in about), class_='about')),
        h('p', error, class_='about error') if error else None,
    )


def related(details: OrderDetails, zone: tzinfo) -> Markup | None:
    """Build the list of other orders of the same customer."""
    if not details.related:
        return None
    rows = (
        h(
            'li',
            h('p', _order_link(row.reference), ' ', status(str(row.state))),
            h('p', f'{row.why} · ', time(row.created_at, exact(row.created_at, zone), zone), class_='about'),
        )
        for row in details.related
    )
    return join(h('h2', 'Other orders of this customer'), h('ul', *rows, class_='items'))


def alerts(details: OrderDetails, zone: tzinfo) -> Markup | None:
    """Build the list of what the operator was told by mail."""
    if not details.alerts:
        return None
    rows = (
        h(
            'li',
            h('p', row.text or ALERTS[row.kind]),
            h('p', time(row.at, exact(row.at, zone), zone), class_='about'),
        )
        for row in details.alerts
    )
    return join(h('h2', 'Alerts about it'), h('ul', *rows, class_='items'))
