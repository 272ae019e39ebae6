"""The page of one order in the admin: what it is, what happened, and what can be done; it is updated live."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from fastapi import Request, Response
from markupsafe import Markup
from nicegui import ui
from nicegui.elements.timer import Timer  # ui.timer, of which every process must have the script

from services.admin import Result, SignedIn
from services.admin.order import OrderDetails
from services.ledger.records import EffectState, MailState
from services.money import Money
from services.shop import Shop
from ui.admin import order_sections
from ui.admin.access import admin_page, guarded
from ui.admin.actions import result_in
from ui.admin.components import Tone, heading, notice, status
from ui.admin.layout import Area, admin_document
from ui.admin.live import Entry, LiveList
from ui.admin.order_actions import ActionForms
from ui.components.builder import h, join
from ui.components.elements import Static

PATH = '/admin/orders/{reference}'
INTERVAL = 5.0  # seconds between two refreshes of an open page
FAILED_MAIL = (MailState.REFUSED, MailState.GIVEN_UP, MailState.UNKNOWN)
FAILED_EFFECT = (EffectState.REFUSED, EffectState.GIVEN_UP)


def register(shop: Shop) -> None:
    """Register the page of an order."""

    @admin_page(PATH, shop, title='Order', area=Area.ORDERS)
    async def order(request: Request, signed_in: SignedIn) -> Response | None:
        reference = str(request.path_params['reference'])
        reading = await read(shop, reference)
        if reading is None:
            return not_found(shop, signed_in, reference)
        wanted = request.query_params.get('do', '')
        page = OrderPage(shop, signed_in, reading, wanted=wanted, result=result_in(request))
        page.show(reading)

        async def refresh() -> None:
            if current := await read(shop, reference):
                page.show(current)

        Timer(INTERVAL, guarded(signed_in, refresh), immediate=False)
        return None


@dataclass(frozen=True)
class Reading:
    """An order as it is at a time (UTC), and what of it can still be refunded."""

    details: OrderDetails
    left: Money
    at: datetime


async def read(shop: Shop, reference: str) -> Reading | None:
    """Read everything about an order; None where there is none with this reference."""
    details = await shop.reads.details.find(reference)
    if details is None:
        return None
    return Reading(details, await shop.actions.refunds.left(details.order), datetime.now(UTC))


def not_found(shop: Shop, signed_in: SignedIn, reference: str) -> Response:
    """Say that there is no such order."""
    body = join(
        h('h1', 'No such order'),
        h('p', f'There is no order with the reference {reference}.'),
        h('p', h('a', 'Search the orders', href='/admin/orders')),
    )
    return admin_document(shop, 'No such order', body, signed_in, status=404)


class OrderPage:
    """An open page of an order: it shows each reading, and changes only what differs."""

    def __init__(
        self, shop: Shop, signed_in: SignedIn, reading: Reading, *, wanted: str, result: Result | None
    ) -> None:
        """Build the parts, empty.

        Args:
            shop: whose order it is.
            signed_in: who sees the page.
            reading: the order.
            wanted: the id of the form that is open from the start.
            result: what became of the action that led here.
        """
        self._signed_in, self._wanted = signed_in, wanted
        self._zone, self._mode = shop.site.business.zone, shop.settings.mode
        with ui.element('div').classes('title'):
            Static(
                join(
                    h('p', h('a', '← Orders', href='/admin/orders')), h('h1', reading.details.order.reference)
                )
            )
            self._check = Static(self._forms(reading).check())
        Static(notice(result), role='status').classes('result')
        self._head = Static(h('p'), aria_live='polite').classes('head')
        with ui.element('div').classes('order-columns'):
            with ui.element('div').classes('side'):
                self._summary = Static(h('p'), 'section').classes('panel')
                with ui.element('section').classes('actions'):
                    Static(heading('What you can do'))
                    self._actions = LiveList('div', 'div', class_='action-list')
                self._related = Static(Markup(''), 'section')
            with ui.element('div').classes('story'):
                self._meetings = _Part('Meetings', 'No meeting is booked.')
                self._unmatched = _Part('Unmatched bookings of this customer')
                with ui.element('section'):
                    Static(heading('What happened'))
                    self._timeline = Static(Markup(''), 'ol').classes('timeline')
                self._effects = _Part('Under way, and done elsewhere')
                self._mails = _Part('Mails')
                self._deliveries = _Part('Deliveries that failed')
                self._alerts = Static(Markup(''), 'section')

    def _forms(self, reading: Reading) -> ActionForms:
        return ActionForms(reading.details, self._signed_in, reading.left, reading.at, self._wanted)

    def show(self, reading: Reading) -> None:
        """Show a reading."""
        details, zone, forms = reading.details, self._zone, self._forms(reading)
        self._head.show(order_sections.head(details, self._mode))
        self._summary.show(order_sections.summary(details, zone))
        self._actions.show(forms.entries())
        self._related.show(order_sections.related(details, zone) or Markup(''))
        self._meetings.show(_meetings(details, forms, zone, reading.at))
        self._unmatched.show(_unmatched(details, forms, zone))
        self._timeline.show(order_sections.timeline(details.timeline, zone))
        self._effects.show(_effects(details, forms, zone))
        self._mails.show(_mails(details, forms, zone))
        self._deliveries.show(_deliveries(details, forms, zone))
        self._alerts.show(order_sections.alerts(details, zone) or Markup(''))


class _Part:
    """A section with a heading and a list; without entries it says so, or is not shown."""

    def __init__(self, title: str, empty: str = '') -> None:
        with ui.element('section') as self._section:
            Static(heading(title))
            self._empty = Static(h('p', empty, class_='quiet')) if empty else None
            self._list = LiveList(class_='items')

    def show(self, entries: list[Entry]) -> None:
        self._list.show(entries)
        if self._empty:
            self._empty.set_visibility(not entries)
        else:
            self._section.set_visibility(bool(entries))


def _meetings(details: OrderDetails, forms: ActionForms, zone: tzinfo, now: datetime) -> list[Entry]:
    return [
        Entry(
            booking.invitee_id,
            order_sections.booking_text(booking, zone, now),
            forms.booking(booking),
            controls_for=booking.end > now,
            class_='item',
        )
        for booking in details.bookings
    ]


def _unmatched(details: OrderDetails, forms: ActionForms, zone: tzinfo) -> list[Entry]:
    return [
        Entry(
            f'{row.invitee_id} {row.reason}',
            order_sections.unmatched_text(row, zone),
            forms.unmatched(row),
            class_='item',
        )
        for row in (*details.unmatched, *details.attachable)
    ]


def _effects(details: OrderDetails, forms: ActionForms, zone: tzinfo) -> list[Entry]:
    entries = []
    for effect in details.effects:
        words = order_sections.EFFECTS[effect.kind]
        shown = status(*order_sections.EFFECT_STATES[effect.state])
        at = effect.finished_at or effect.created_at
        text = order_sections.outcome(words, shown, at, zone, effect.tries, effect.error)
        failed = effect.state in FAILED_EFFECT
        again = forms.retry('retry-effect', effect=str(effect.id)) if failed else None
        entries.append(Entry(f'{effect.id} {effect.state}', text, again, class_='item'))
    return entries


def _mails(details: OrderDetails, forms: ActionForms, zone: tzinfo) -> list[Entry]:
    entries = []
    for mail in details.mails:
        words = order_sections.MAILS[mail.kind]
        shown = status(*order_sections.MAIL_STATES[mail.state])
        at = mail.finished_at or mail.due_at
        to = f'to {mail.recipient}' if mail.recipient else ''
        text = order_sections.outcome(words, shown, at, zone, mail.tries, mail.error, to)
        again = forms.retry('retry-mail', mail=mail.id) if mail.state in FAILED_MAIL else None
        entries.append(Entry(f'{mail.id} {mail.state}', text, again, class_='item'))
    return entries


def _deliveries(details: OrderDetails, forms: ActionForms, zone: tzinfo) -> list[Entry]:
    return [
        Entry(
            delivery.event_id,
            order_sections.outcome(
                f'{delivery.kind}, from {delivery.source.capitalize()}',
                status('failed', Tone.BAD),
                delivery.received_at,
                zone,
                delivery.tries,
                delivery.error,
            ),
            forms.retry_delivery(delivery.source, delivery.event_id),
            class_='item',
        )
        for delivery in details.deliveries
    ]
