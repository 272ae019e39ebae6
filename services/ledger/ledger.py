"""The ledger: everything stored about orders, bookings and deliveries, in one database.

Every move names the version of the order it was decided on. Whoever comes second gets None and reads again.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from services.database import schema
from services.database.store import Store
from services.ledger.admin_journal import AdminJournal
from services.ledger.attention import Attention
from services.ledger.bookings import Bookings
from services.ledger.cursors import ListCursors
from services.ledger.deliveries import Deliveries
from services.ledger.effects import Effects
from services.ledger.exports import Exports
from services.ledger.forgetting import Forgetting
from services.ledger.history import History
from services.ledger.journal import Journal
from services.ledger.mails import Mails
from services.ledger.orders import Orders
from services.ledger.records import MailRules, UnmatchedBooking
from services.ledger.rehearsals import Rehearsals
from services.ledger.retention import Retention
from services.ledger.search import Search
from services.ledger.settings import KeptSettings
from services.ledger.sign_ins import SignIns
from services.ledger.site_versions import SiteVersions
from services.ledger.switches import Switches
from services.ledger.totals import Totals
from services.ledger.unmatched import Unmatched
from services.orders import RETENTION, Order


class Ledger:
    """The ledger of one database, by aggregate."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        *,
        on_unmatched: Callable[[UnmatchedBooking], object] = lambda _: None,
        mail_rules: MailRules | None = None,
        on_mail: Callable[[str, str], object] = lambda _kind, _outcome: None,
        keep_abandoned: timedelta = RETENTION,
    ) -> None:
        """Make it; nothing is opened yet.

        Args:
            store: the database.
            clock: the present time in UTC.
            on_unmatched: called for each meeting that turns out not to be paid for.
            mail_rules: which mails are written down; none, if not given.
            on_mail: called with the kind of a mail and what became of it.
            keep_abandoned: how long an order without a payment is kept after its end.
        """
        self.store = store
        self.journal = Journal(store, clock)
        self.admin_journal = AdminJournal(store, clock)
        self.mails = Mails(store, clock, mail_rules or MailRules(), on_mail=on_mail)
        self.deliveries = Deliveries(store, clock, self.mails, self.admin_journal)
        self.unmatched = Unmatched(store, clock, self.mails, self.admin_journal, on_listed=on_unmatched)
        self.effects = Effects(store, self.journal, clock, mails=self.mails, on_change=self._notify)
        shared: dict[str, Any] = {'unmatched': self.unmatched, 'effects': self.effects}
        self.orders = Orders(
            store,
            self.journal,
            clock,
            **shared,
            mails=self.mails,
            on_change=self._notify,
            keep_abandoned=keep_abandoned,
        )
        self.bookings = Bookings(store, self.journal, clock, **shared, on_change=self._notify)
        self.cursors = ListCursors(store)
        self.sign_ins = SignIns(store, self.admin_journal, clock)
        self.settings = KeptSettings(store, clock)
        self.switches = Switches(store, self.admin_journal, clock)
        self.rehearsals = Rehearsals(store, clock, self.mails, self.admin_journal)
        self.site_versions = SiteVersions(store, self.admin_journal, clock)
        self.attention = Attention(store, self.journal, clock)
        self.history = History(store)
        self.totals = Totals(store)
        self.search = Search(store, clock)
        self.retention = Retention(store, clock)
        self.exports = Exports(store)
        self.forgetting = Forgetting(store, self.journal, clock, on_change=self._notify)
        self._subscribers: defaultdict[str, set[Callable[[], object]]] = defaultdict(set)

    async def open(self) -> None:
        """Apply the migrations.

        Raises:
            SettingsError: the database cannot be used.
        """
        await self.store.open()

    async def instance(self) -> str:
        """Return the id of this database: all processes of one shop share it, and nobody else knows it."""
        rows = await self.store.read(select(schema.instance.c.id))
        return str(rows[0].id) if rows else ''

    async def close(self) -> None:
        """Finish what is under way and disconnect."""
        await self.store.close()

    def subscribe(self, order: Order, callback: Callable[[], object]) -> Callable[[], None]:
        """Call something after each change of an order in this process; returns what ends that."""
        self._subscribers[order.id].add(callback)

        def unsubscribe() -> None:
            self._subscribers[order.id].discard(callback)
            if not self._subscribers[order.id]:
                del self._subscribers[order.id]

        return unsubscribe

    def _notify(self, order: Order) -> None:
        for callback in tuple(self._subscribers.get(order.id, ())):
            callback()
