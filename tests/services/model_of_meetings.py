"""The model's part about Calendly: meetings booked, moved, canceled, delivered and read in any order."""

import json
from collections.abc import Coroutine
from typing import Any

import httpx
from hypothesis import event
from hypothesis.stateful import RuleBasedStateMachine, rule
from hypothesis.strategies import booleans, integers

from services.orders import Booking, BookingState, Order
from services.shop import Shop
from tests.factories import signed
from tests.sandbox_client import SandboxClient

HOUR = {'start_time': '2030-12-02T15:00:00Z', 'end_time': '2030-12-02T16:00:00Z'}
AS_BOOKED = {'status': 'active', 'rescheduled': False, 'new_invitee': None, 'cancellation': None}


class MeetingRules(RuleBasedStateMachine):
    """The rules about meetings; `Model` has the shop, the sandbox and the helpers."""

    sandbox: SandboxClient
    environment: dict[str, str]
    shop: Shop
    endpoints: httpx.AsyncClient
    calendars: list[str]

    @rule(which=integers(0, 3))
    def book(self, which: int) -> None:
        """Book a time on a calendar that a page showed."""
        if self.calendars:
            self._act('book', url=self.calendars[-1 - which % len(self.calendars)])

    @rule(which=integers(0, 5))
    def move_meeting(self, which: int) -> None:
        """Choose another time: Calendly cancels the meeting and makes a new one without the booking key."""
        self._act('reschedule', invitee=self._invitee(which).get('uri'))

    @rule(which=integers(0, 5))
    def cancel_meeting(self, which: int) -> None:
        """Cancel a meeting."""
        self._act('cancel', invitee=self._invitee(which).get('uri'))

    @rule(which=integers(0, 5), canceled=booleans())
    def calendly_delivers(self, which: int, canceled: bool) -> None:
        """Calendly delivers an event of a meeting, early or late, or after an event that came later."""
        invitee = self._invitee(which)
        if invitee and (not canceled or invitee['status'] == 'canceled'):
            self._try(self._deliver_invitee(invitee, canceled))

    @rule(pushed=booleans())
    def links_to_join(self, pushed: bool) -> None:
        """From now on Calendly has made the links to join its meetings, or it has not."""
        self._act('calendar', link_status='pushed' if pushed else 'processing')

    @rule()
    def read_calendly(self) -> None:
        """The booking reader reads Calendly once."""
        self._try(self.shop.booking_reader.read())

    def _read_everything(self) -> None:
        """Read Calendly until there is no more to read."""
        while self._run(self.shop.booking_reader.read()):
            pass

    def _deliver_everything_backwards(self) -> None:
        """Deliver the last events of all meetings, the newest first, as a sender that comes back may do."""
        for invitee in reversed(self.sandbox.state()['invitees']):
            if invitee['status'] == 'canceled':
                self._try(self._deliver_invitee(invitee, canceled=True))
            self._try(self._deliver_invitee(invitee, canceled=False))

    def _check_meetings(self, orders: list[Order]) -> None:
        """Check that each meeting whose first booking names an order is at this order, as Calendly has it."""
        invitees = {invitee['uri']: invitee for invitee in self.sandbox.state()['invitees']}
        by_key = {order.booking_key: order for order in orders}
        for uri, invitee in invitees.items():
            first = invitee
            while first['old_invitee']:
                first = invitees[first['old_invitee']]
            order = by_key.get(first['tracking']['utm_content'])
            assert order, 'a meeting of an order that is missing'
            bookings = self._run(self.shop.bookings.bookings(order))
            states = {booking.invitee_id: booking.state.value for booking in bookings}
            moved = ', a moved one' if invitee['old_invitee'] else ''
            event(f'a meeting ended {invitee["status"]}{moved}')
            assert states.get(uri) == invitee['status']
            known = next(booking for booking in bookings if booking.invitee_id == uri)
            if known.state is BookingState.ACTIVE:
                self._check_details(known, invitee['event'])

    def _check_details(self, booking: Booking, event_uri: str) -> None:
        """Check that the ledger has the time and the place of a meeting as Calendly has them now."""
        token = {'Authorization': f'Bearer {self.sandbox.settings["CALENDLY_TOKEN"]}'}
        found = httpx.get(event_uri, headers=token, trust_env=False).json()['resource']
        place = str(found['location'].get('join_url') or '')
        assert (booking.start.isoformat(), booking.end.isoformat()) == tuple(
            found[name].replace('.000000Z', '+00:00') for name in ('start_time', 'end_time')
        )
        assert (booking.place, booking.link_follows) == (place, not place)

    def _invitee(self, which: int) -> dict[str, Any]:
        invitees = self.sandbox.state()['invitees']
        return invitees[-1 - which % len(invitees)] if invitees else {}

    async def _deliver_invitee(self, invitee: dict[str, Any], canceled: bool) -> None:
        """Deliver an invitee as Calendly sent it when it was booked, or canceled."""
        kind = 'invitee.canceled' if canceled else 'invitee.created'
        payload = invitee | {'scheduled_event': HOUR} | ({} if canceled else AS_BOOKED)
        body = json.dumps({'event': kind, 'created_at': kind, 'payload': payload}).encode()
        header = signed(body, self.environment['CALENDLY_WEBHOOK_SIGNING_KEY'])['Stripe-Signature']
        headers = {'Calendly-Webhook-Signature': header}
        await self.endpoints.post('/webhooks/calendly', content=body, headers=headers)

    def _act(self, action: str, **params: Any) -> Any: ...

    def _try(self, step: Coroutine[Any, Any, object]) -> None: ...

    def _run(self, step: Coroutine[Any, Any, Any]) -> Any: ...
