"""The forms on an order's page: each says what will happen, and is sent to an endpoint of ``actions``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from markupsafe import Markup

from services.admin import RefundReason, SignedIn
from services.admin.order import OrderDetails
from services.ledger.records import UnmatchedBooking
from services.money import Money
from services.orders import Booking, BookingState
from ui.admin.actions import order_path
from ui.admin.components import folded
from ui.admin.forms import action_form, button, hidden
from ui.admin.live import Entry
from ui.components.builder import h, join

REASONS = {
    RefundReason.REQUESTED: 'The customer asked for it',
    RefundReason.DUPLICATE: 'It was paid twice',
    RefundReason.FRAUDULENT: 'The payment is fraudulent',
}
NOTE_LENGTH = 2000


@dataclass(frozen=True)
class ActionForms:
    """Builds the forms of one order.

    Attributes:
        details: the order as it was read.
        signed_in: who may send them.
        left: what can still be refunded.
        now: in UTC.
        wanted: the id of the form that is open from the start, '' for none.
    """

    details: OrderDetails
    signed_in: SignedIn
    left: Money
    now: datetime
    wanted: str = ''

    def entries(self) -> list[Entry]:
        """Return the actions that make sense now."""
        order, left = self.details.order, self.left
        found = [
            self._entry('mail-link', self._mail_link, order.email) if order.token else None,
            self._entry('email', self._email, order.email)
            if order.completed_at and not order.forgotten_at
            else None,
            self._entry('refund', self._refund, (left, bool(self._coming))) if left.amount else None,
            self._entry('calendar-link', self._calendar_link, order.calendar_url)
            if self._can_renew
            else None,
            self._entry('duplicate', self._duplicate, order.duplicate_of) if order.completed_at else None,
            self._entry('note', self._note, None),
            self._entry('evidence', self._evidence, order.facts.dispute_status)
            if order.completed_at
            else None,
            self._entry('forget', self._forget, None) if not order.forgotten_at else None,
        ]
        return [entry for entry in found if entry]

    def check(self) -> Markup:
        """Build the button that reads Stripe and Calendly again; it changes nothing there."""
        return self._form('check', button('Check again'), class_='form')

    @property
    def _coming(self) -> tuple[Booking, ...]:
        active = (each for each in self.details.bookings if each.state is BookingState.ACTIVE)
        return tuple(each for each in active if each.end > self.now)

    @property
    def _can_renew(self) -> bool:
        is_booked = any(each.state is BookingState.ACTIVE for each in self.details.bookings)
        return self.details.order.opens_calendar and not is_booked

    def _entry(self, id_: str, build: Callable[[str], Markup], depends_on: object) -> Entry:
        return Entry(id_, Markup(''), lambda: build(id_), controls_for=depends_on, class_='action')

    def _form(self, action: str, *children: object, class_: str = 'form') -> Markup:
        path = order_path(self.details.order.reference, action)
        return action_form(self.signed_in, path, *children, class_=class_)

    def _folded(self, id_: str, summary: str, *content: object) -> Markup:
        return folded(summary, *content, id_=id_, is_open=id_ == self.wanted)

    def _mail_link(self, id_: str) -> Markup:
        order = self.details.order
        copied = h('input', type='text', id='copied', value=self.details.customer_url, readonly=True)
        mailed = (
            h('p', f'A mail with the link to the order is sent to {order.email}.')
            if order.email
            else h('p', 'The order has no e-mail address yet. Correct the address first.')
        )
        return self._folded(
            id_,
            'Mail or copy the link',
            mailed,
            self._form('mail-link', button('Mail the link', kind='main')) if order.email else None,
            h('div', h('label', 'The link, to copy', for_='copied'), copied, class_='form'),
            h('p', 'Whoever has it sees this order. Give it to nobody but the customer.', class_='quiet'),
        )

    def _email(self, id_: str) -> Markup:
        field = h(
            'input',
            type='email',
            name='email',
            id='email',
            maxlength='254',
            autocomplete='off',
            required=True,
        )
        return self._folded(
            id_,
            'Correct the e-mail address',
            h(
                'p',
                'From then on our mail goes to the new address. The old and the new one are told. '
                'Stripe and Calendly keep the address they have.',
            ),
            self._form(
                'email', h('label', 'The right address', for_='email'), field, button('Correct the address')
            ),
        )

    def _refund(self, id_: str) -> Markup:
        left = self.left
        field = h(
            'input',
            type='text',
            inputmode='decimal',
            name='amount',
            id='amount',
            value=f'{left.major}',
            autocomplete='off',
            required=True,
            aria_describedby='left',
        )
        options = (h('option', words, value=value) for value, words in REASONS.items())
        cancel = (
            _checkbox('cancel', 'Cancel the booking too; Calendly tells the customer')
            if self._coming
            else None
        )
        fraud = _checkbox(
            'blocks_customer',
            'Only with “fraudulent”: I know that Stripe then blocks this card and e-mail address',
        )
        return self._folded(
            id_,
            'Refund, in full or in part',
            h(
                'p',
                f'Stripe sends the money back to the card or account it came from. Up to {left} is left. '
                'It cannot be undone. Stripe keeps its fee.',
                id='left',
            ),
            self._form(
                'refund',
                hidden('left', str(left.amount)),
                h('label', f'Amount in {left.currency.upper()}', for_='amount'),
                field,
                h('label', 'Reason', for_='reason'),
                h('select', *options, name='reason', id='reason'),
                cancel,
                fraud,
                button('Refund', kind='danger'),
            ),
        )

    def _calendar_link(self, id_: str) -> Markup:
        order = self.details.order
        return self._folded(
            id_,
            'Make a new calendar link',
            h(
                'p',
                'The link that nobody has used is deleted where Calendly allows it, and the page of the '
                'customer gets another one. Do this when the customer says that the calendar does not open.',
            ),
            self._form(
                'calendar-link', hidden('old_link', order.calendar_url or ''), button('Make a new link')
            ),
        )

    def _duplicate(self, id_: str) -> Markup:
        original = self.details.order.duplicate_of
        if original:
            said = h(
                'p', f'It is marked as a repetition of {original}. If the customer wanted both, say so: '
            )
            return self._folded(
                id_, 'It is no duplicate', said, self._form('duplicate', button('Mark as no duplicate'))
            )
        field = h(
            'input',
            type='text',
            name='original',
            id='original',
            autocomplete='off',
            maxlength='9',
            required=True,
        )
        return self._folded(
            id_,
            'Mark as a duplicate',
            h('p', 'Nothing is refunded by that. The order is shown as a repetition of the other one.'),
            self._form(
                'duplicate',
                h('label', 'Reference of the order that it repeats', for_='original'),
                field,
                button('Mark as a duplicate'),
            ),
        )

    def _note(self, id_: str) -> Markup:
        field = h('textarea', name='text', id='note-text', maxlength=str(NOTE_LENGTH), required=True)
        return self._folded(
            id_,
            'Write a note',
            self._form(
                'note',
                h('label', 'Note to yourself, in the journal', for_='note-text'),
                field,
                button('Keep the note'),
            ),
        )

    def _forget(self, id_: str) -> Markup:
        path = f'/admin/forget?{urlencode({"who": self.details.order.reference})}'
        return self._folded(
            id_,
            'Forget the customer',
            h(
                'p',
                'The name and the addresses are erased, the amounts stay. The next page says what exactly.',
            ),
            h('p', h('a', 'Look at what would be erased', href=path), class_='links'),
        )

    def _evidence(self, id_: str) -> Markup:
        path = order_path(self.details.order.reference, 'evidence')
        links = h(
            'p',
            h('a', 'As a page to print', href=path),
            h('a', 'As JSON', href=f'{path}.json'),
            class_='links',
        )
        said = h(
            'p',
            'Everything that is known of this order: what was bought, the terms, the payment, visits, '
            'mails, bookings, refunds.',
        )
        if not self.details.order.facts.dispute_status:
            return self._folded(id_, 'Evidence', said, links)
        draft = h(
            'p',
            'The draft is written into the dispute at Stripe and is not submitted: read it there, add '
            'what is missing, and submit it yourself.',
        )
        return self._folded(
            id_,
            'Evidence for the dispute',
            said,
            links,
            draft,
            self._form('evidence', button('Write the draft at Stripe')),
        )

    def booking(self, booking: Booking) -> Callable[[], Markup] | None:
        """Return what builds the forms of one meeting; None where there is nothing to do."""
        if booking.state is not BookingState.ACTIVE:
            return None
        return lambda: join(self._cancel(booking) if booking.end > self.now else None, self._detach(booking))

    def _cancel(self, booking: Booking) -> Markup:
        id_ = f'words-{self.details.bookings.index(booking)}'
        field = h('input', type='text', name='words', id=id_, maxlength='500', autocomplete='off')
        is_wanted = self.wanted == 'cancel' and booking == self._coming[0]
        return folded(
            'Cancel the meeting',
            h(
                'p',
                'The meeting is canceled at Calendly, which tells the customer by e-mail. The money stays '
                'where it is. The customer can pick another time unless the order was refunded.',
            ),
            self._form(
                'cancel-booking',
                hidden('invitee_id', booking.invitee_id),
                h('label', 'Words for the customer (you may leave them empty)', for_=id_),
                field,
                button('Cancel the meeting', kind='danger'),
            ),
            id_='cancel' if is_wanted else None,
            is_open=is_wanted,
        )

    def _detach(self, booking: Booking) -> Markup:
        return folded(
            'It is not a meeting of this order',
            h(
                'p',
                'The meeting stays in the calendar. Here it becomes an unmatched booking, which needs a '
                'hand, and this order counts as not booked.',
            ),
            self._form('detach', hidden('invitee_id', booking.invitee_id), button('Detach the meeting')),
        )

    def unmatched(self, row: UnmatchedBooking) -> Callable[[], Markup]:
        """Return what builds the forms of an unmatched meeting."""
        return lambda: join(self._attach(row), self._handled(row) if row.order_id else None)

    def _attach(self, row: UnmatchedBooking) -> Markup:
        is_wanted = self.wanted == 'attach' and row in (*self.details.unmatched, *self.details.attachable)[:1]
        return folded(
            'Attach it to this order',
            h(
                'p',
                'The meeting becomes one of this order, as if it had been booked on its page. Nothing '
                'in the calendar.',
            ),
            self._form(
                'attach', hidden('invitee_id', row.invitee_id), button('Attach the meeting', kind='main')
            ),
            id_='attach' if is_wanted else None,
            is_open=is_wanted,
        )

    def _handled(self, row: UnmatchedBooking) -> Markup:
        id_ = f'handled-{self.details.unmatched.index(row)}'
        field = h('input', type='text', name='note', id=id_, maxlength='500', autocomplete='off')
        return folded(
            'It has been dealt with',
            h('p', 'It is not listed any more. Nothing changes in the calendar.'),
            action_form(
                self.signed_in,
                '/admin/unmatched/handled',
                hidden('invitee_id', row.invitee_id),
                hidden('reason', row.reason),
                h('label', 'How (you may leave it empty)', for_=id_),
                field,
                button('It is dealt with'),
            ),
        )

    def retry(self, action: str, **fields: str) -> Callable[[], Markup]:
        """Return what builds the button that tries a mail or an effect again."""
        values = [hidden(name, value) for name, value in fields.items()]
        return lambda: self._form(action, *values, button('Try again'))

    def retry_delivery(self, source: str, event_id: str) -> Callable[[], Markup]:
        """Return what builds the button that processes a delivery again."""
        values = hidden('source', source), hidden('event_id', event_id)
        return lambda: action_form(self.signed_in, '/admin/deliveries/retry', *values, button('Try again'))


def _checkbox(name: str, words: str) -> Markup:
    field = h('input', type='checkbox', name=name, value='yes', id=f'check-{name}')
    return h('p', field, h('label', words, for_=f'check-{name}'), class_='check')
