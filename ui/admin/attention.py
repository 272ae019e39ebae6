"""Needs a hand: the reason in words, since when, the one thing to do; an item can be snoozed or done."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, tzinfo
from urllib.parse import urlencode

from markupsafe import Markup

from services.admin import SignedIn
from services.admin.attention import AttentionGroup, AttentionItem, NeedsHand
from services.admin.attention_words import Action
from services.ledger.matters import AttentionKind
from ui.admin.components import count, distance, folded, outside, relative, time
from ui.admin.forms import action_form, button, hidden
from ui.admin.live import Entry
from ui.components.builder import h, join

PATH = '/admin/attention'
SNOOZES = (('1', 'Snooze until tomorrow'), ('7', 'Snooze for a week'))  # days
DONE = 'done'
LONGEST_NOTE = 500
URGENT = frozenset(
    {
        AttentionKind.DISPUTE,
        AttentionKind.REFUND_FAILED,
        AttentionKind.FRAUD_WARNING,
        AttentionKind.MISMATCH,
        AttentionKind.REFUNDED_BOOKED,
        AttentionKind.CHECK,
    }
)
STRIPE = {
    AttentionKind.DISPUTE: 'Answer at Stripe',
    AttentionKind.FRAUD_WARNING: 'Look at Stripe',
}
FORMS = {
    Action.SEND_LINK: ('mail-link', 'Mail the link…'),
    Action.REFUND: ('refund', 'Refund…'),
    Action.CANCEL_MEETING: ('cancel', 'Cancel the meeting…'),
    Action.ATTACH: ('attach', 'Attach it…'),
}
"""The actions that are forms on the page of the order: the id of the form there, and the words of a link."""


def entries(needs: NeedsHand, signed_in: SignedIn, *, zone: tzinfo, now: datetime) -> list[Entry]:
    """Turn what needs a hand into the entries of the list, the most urgent first."""
    return [entry for group in needs.groups for entry in _group(group, signed_in, zone, now)]


def _group(group: AttentionGroup, signed_in: SignedIn, zone: tzinfo, now: datetime) -> Iterator[Entry]:
    for item in group.items:
        yield Entry(
            item.key,
            _text(item, group.title, zone, now),
            lambda item=item: _controls(item, signed_in),  # type: ignore[misc]
            controls_for=(item.action, item.url, item.reference, item.target, item.remedy),
            class_='item urgent' if item.kind in URGENT else 'item',
        )
    hidden_ones = group.total - len(group.items)
    if hidden_ones > 0:
        words = (
            f'{count(hidden_ones, "more item")} of this kind: {group.title}. They follow as these are done.'
        )
        yield Entry(f'more {group.kind}', h('p', words, class_='quiet'), class_='item more')


def _text(item: AttentionItem, title: str, zone: tzinfo, now: datetime) -> Markup:
    since = relative(item.since, zone, now) if item.since else None
    parts: list[object] = [part for part in (item.reference, item.name) if part]
    about = join(*(join(part, ' · ') for part in parts), since) if since else ' · '.join(map(str, parts))
    return join(
        h('h3', title, _deadline(item, zone, now)),
        h('p', item.sentence),
        h('p', item.remedy, class_='remedy') if item.remedy else None,
        h('p', about, class_='about') if about else None,
    )


def _deadline(item: AttentionItem, zone: tzinfo, now: datetime) -> Markup | None:
    if item.deadline is None:
        return None
    words = f'due {distance(item.deadline - now)}' if item.deadline > now else 'the deadline is over'
    return join(' ', h('strong', time(item.deadline, words, zone), class_='due'))


def _controls(item: AttentionItem, signed_in: SignedIn) -> Markup:
    attach = _attach(item, signed_in) if item.action is Action.ATTACH and not item.reference else None
    return join(h('div', *main_action(item), class_='row'), attach, _put_away(item, signed_in))


def main_action(item: AttentionItem) -> list[Markup]:
    """Build the one thing to do, and the link to the order beside it where that is another one."""
    order = f'/admin/orders/{item.reference}' if item.reference else ''
    main = _main(item, order)
    opened = h('a', 'Open the order', href=order, class_='plain' if main else 'button') if order else None
    return [part for part in (main, opened) if part is not None]


def _main(item: AttentionItem, order: str) -> Markup | None:
    match item.action:
        case Action.STRIPE:
            return outside(STRIPE.get(item.kind, 'Open at Stripe'), item.url, class_='button')
        case Action.CALENDLY:
            return outside('Open at Calendly', item.url, class_='button')
        case Action.ATTACH if not order:
            query = urlencode({'q': item.name})
            return h('a', 'Find its order', href=f'/admin/orders?{query}', class_='button')
        case Action.SEND_LINK | Action.REFUND | Action.CANCEL_MEETING | Action.ATTACH if order:
            id_, words = FORMS[item.action]
            return h('a', words, href=f'{order}?do={id_}#{id_}', class_='button')
        case Action.RETRY:
            return h('p', 'It is tried again by itself.', class_='quiet')
    return None


def _attach(item: AttentionItem, signed_in: SignedIn) -> Markup:
    """Build the form that gives a meeting of no order to one."""
    id_ = _id('order', item)
    field = h(
        'input', type='text', name='reference', id=id_, maxlength='9', autocomplete='off', required=True
    )
    form = action_form(
        signed_in,
        '/admin/unmatched/attach',
        hidden('invitee_id', item.target.partition(' ')[0]),
        h('label', 'Reference of its order', for_=id_),
        field,
        h('p', 'The meeting becomes one of that order. Nothing changes in the calendar.', class_='quiet'),
        button('Attach the meeting', kind='main'),
    )
    return folded('Attach it to an order', form)


def _put_away(item: AttentionItem, signed_in: SignedIn) -> Markup:
    """Build the form that snoozes an item, or says that it is done, with a note."""
    id_ = _id('note', item)
    note = h('input', type='text', name='note', id=id_, maxlength=str(LONGEST_NOTE), autocomplete='off')
    words = h(
        'p',
        'Snoozed, it comes back by itself. Done, it comes back only if it happens again. '
        'The note goes into the journal.',
        class_='quiet',
    )
    buttons = (
        h('button', label, type='submit', name='until', value=days, class_='button')
        for days, label in SNOOZES
    )
    done = h('button', 'Done', type='submit', name='until', value=DONE, class_='button main')
    form = action_form(
        signed_in,
        PATH,
        hidden('key', item.key),
        h('label', 'Note (you may leave it empty)', for_=id_),
        note,
        words,
        h('div', *buttons, done, class_='row'),
    )
    return folded('Snooze or done', form)


def _id(name: str, item: AttentionItem) -> str:
    """Make the id of a field; an id has no spaces, which keys have."""
    return f'{name}-{hashlib.sha256(item.key.encode()).hexdigest()[:16]}'


def nothing() -> Markup:
    """Say that nothing needs a hand."""
    return join(
        h('p', h('strong', 'Nothing needs a hand.')),
        h('p', 'Payments, bookings, mails and deliveries are as they should be.', class_='quiet'),
    )
