"""The model's part about effects: links that expire or are deleted, meetings canceled with the money."""

from collections import Counter
from typing import Any

from hypothesis import event
from hypothesis.stateful import rule
from hypothesis.strategies import integers
from sqlalchemy import select

from services.booking.effects import CANCEL_REASON
from services.database import schema
from services.orders import LINK_ENDS, MONEY_BACK_STATES, BookingState, Order
from tests.services.model_of_meetings import MeetingRules

MAKE_SHARE = 'POST', '/shares'


class LinkRules(MeetingRules):
    """The rules about calendar links and effects; `Model` has the shop, the sandbox and the helpers."""

    restored: bool
    links_cut_off: int  # links that Calendly may have made without the shop knowing

    @rule(which=integers(0, 3))
    def link_expires(self, which: int) -> None:
        """A link that a page showed expires unused."""
        if self.calendars:
            self._act('expire-link', url=self.calendars[-1 - which % len(self.calendars)])

    @rule()
    def carry_out(self) -> None:
        """The task beside the rounds carries out some effects."""
        self._try(self.shop.effects.run())

    def _carry_everything_out(self) -> None:
        while self._run(self.shop.effects.run()):
            pass

    def _check_effects(self, orders: list[Order]) -> None:
        """Check that what was taken back is gone at Calendly, and nothing else is."""
        rows = self._run(self._effects())
        waiting = [row for row in rows if row['state'] == 'wanted']
        assert not waiting, waiting
        self._check_links(orders)
        for order in orders:
            self._check_cancellations(order, rows)

    def _check_links(self, orders: list[Order]) -> None:
        shares = {share['uri']: share for share in self.sandbox.state()['shares']}
        active = {uri for uri, share in shares.items() if share['status'] == 'active'}
        kept = Counter(order.calendar_share for order in orders if order.calendar_share)
        assert set(kept.values()) <= {1}, 'one link for two orders'
        for order in orders:
            if order.state in LINK_ENDS:
                assert order.calendar_share not in active, f'the link of a {order.state} order is alive'
        if self.restored:
            return  # the backup does not know the links that were made since
        assert len(active - kept.keys()) <= self.links_cut_off
        address = {uri: share['scheduling_links'][0]['booking_url'] for uri, share in shares.items()}
        alive = {address[uri] for uri in active}
        for order in orders:
            mine = [url for url in self.calendars if f'utm_content={order.booking_key}' in url]
            shown = {url.partition('?')[0] for url in mine} & alive
            assert len(shown) <= 1, 'two links for one order'

    def _check_cancellations(self, order: Order, rows: list[dict[str, Any]]) -> None:
        over = {row['target'] for row in rows if 'past' in row['last_error'].lower()}
        bookings = self._run(self.shop.bookings.bookings(order))
        active = {each.invitee_id for each in bookings if each.state is BookingState.ACTIVE}
        by_us = [each for each in bookings if each.cancel_reason == CANCEL_REASON]
        event(f'{bool(by_us)} that a meeting was canceled by us, order {order.state}')
        if order.state in MONEY_BACK_STATES and not order.keeps_meetings:
            assert active <= over, f'a meeting of a {order.state} order takes place'
        if by_us and not self.restored:
            lines = [line.line for line in self._run(self.shop.ledger.journal.lines(order.id))]
            assert any(f'→ {state}' in line for line in lines for state in MONEY_BACK_STATES)

    async def _effects(self) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in await self.shop.ledger.store.read(select(schema.effects))]
