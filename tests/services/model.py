"""A state machine of everything that customers, Stripe, the operator and the machine can do to a shop.

Hypothesis runs the rules in any order. ``check_at_the_end`` then reconciles and compares the ledger with the
sandbox: every payment is in the ledger, once, and so is its journal line.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI
from hypothesis import event
from hypothesis.stateful import invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from
from sqlalchemy import delete, insert, select

from services.database import schema
from services.errors import AlreadyPaid, ShopError
from services.ledger.mapping import order_from_row
from services.orders import Cause, Order, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.sandbox_client import PROMPT, SandboxClient
from tests.services.derived import check_derived
from tests.services.model_of_crashes import Crash, CrashPoint
from tests.services.model_of_payments import PaymentRules

T = TypeVar('T')

BROWSERS = ('ann', 'bob')
RETRY_TIME = timedelta(minutes=11)  # after this, everything that failed is due again
Rows = dict[str, list[dict[str, Any]]]


class Model(PaymentRules):
    """Two customers, one shop, Stripe, Calendly; the test sets ``sandbox`` and ``environment``."""

    sandbox: SandboxClient
    environment: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.sandbox.reset()
        self.http = httpx.Client(base_url=self.sandbox.base, timeout=30, limits=PROMPT, trust_env=False)
        self.http.headers['Authorization'] = f'Bearer {self.sandbox.settings["STRIPE_SECRET_KEY"]}'
        self.ahead = timedelta()
        self.sessions_of: dict[str, list[str]] = {name: [] for name in BROWSERS}
        self.bought_again = dict.fromkeys(BROWSERS, 0)  # sessions for a payment that was wanted once more
        self.calendars: list[str] = []  # what the order pages showed
        self.backup: Rows | None = None
        self.restored = False
        self.mails_cut_off = 0  # crashes between a mail and its mark
        self.money_was_returned = False
        self.links_cut_off = 0
        self.shop: Shop
        self._begin()
        self._run(self._write(None))

    # --- customers

    @rule(browser_id=sampled_from(BROWSERS), again=booleans())
    def start(self, browser_id: str, again: bool) -> None:
        """Press the button, for another payment or not."""

        async def press() -> None:
            session = await self.shop.checkout.start(browser_id=browser_id, because=Cause.BUTTON, again=again)
            if session.id not in self.sessions_of[browser_id]:
                self.sessions_of[browser_id].append(session.id)
                self.bought_again[browser_id] += again

        self._try(press())

    @rule(browser_id=sampled_from(BROWSERS), which=integers(0, 3), bank=booleans())
    def pay(self, browser_id: str, which: int, bank: bool) -> None:
        """Pay a session of the browser, by card or by bank."""
        sessions = self.sessions_of[browser_id]
        if sessions:
            session = sessions[-1 - which % len(sessions)]
            self._act(
                'pay', session=session, email=f'{browser_id}@example.com', method='bank' if bank else 'card'
            )

    @rule(browser_id=sampled_from(BROWSERS), bank=booleans())
    def buy(self, browser_id: str, bank: bool) -> None:
        """Press the button and pay."""
        self.start(browser_id, False)
        self.pay(browser_id, 0, bank)

    @rule(browser_id=sampled_from(BROWSERS), which=integers(0, 3))
    def come_back(self, browser_id: str, which: int) -> None:
        """Return from Stripe and open the order page."""

        async def arrive() -> None:
            session = self.sessions_of[browser_id][-1 - which % len(self.sessions_of[browser_id])]
            order = await self.shop.fulfilment.arrive(session)
            url = await self.shop.calendar.url(order) if order else None
            if url:
                self.calendars.append(url)

        if self.sessions_of[browser_id]:
            self._try(arrive())

    @rule(browser_id=sampled_from(BROWSERS), moves=integers(0, 3), which=integers(0, 3))
    def buy_and_book(self, browser_id: str, moves: int, which: int) -> None:
        """Pay by card, book on the order page and move the meeting; one of the deliveries arrives."""
        self.buy(browser_id, False)
        self.come_back(browser_id, 0)
        self.book(0)
        for _ in range(moves):
            self.move_meeting(0)
        self.calendly_delivers(which, False)

    @rule(browser_id=sampled_from(BROWSERS), books=booleans(), fails=booleans(), runs=booleans())
    def buy_and_take_back(self, browser_id: str, books: bool, fails: bool, runs: bool) -> None:
        """Pay, perhaps book, and get the money back, or so it seems; perhaps the shop is quick."""
        self.buy(browser_id, False)
        self.come_back(browser_id, 0)
        if books:
            self.book(0)
            self.calendly_delivers(0, False)
        self.money_was_returned = True
        for session in self.sessions_of[browser_id]:
            self._act('refund', session=session)
        self.reconcile()
        if runs:
            self.carry_out()
        if fails:
            self.refund_fails(0, False)

    @rule(dies_after=sampled_from([None, 2, 5, 8]), cancel=booleans())
    def buy_and_have_it_refunded(self, dies_after: int | None, cancel: bool) -> None:
        """Pay, book, and the operator gives all of it back with a double click; the process may die then."""
        self.buy_and_book('ann', 0, 0)
        self.operator_refunds(0, None, 2, False, cancel)
        self.crash_point.steps_left = dies_after
        self.carry_out()

    # --- the machine

    @rule(after=integers(0, 12))
    def process_dies(self, after: int) -> None:
        """The process dies at a step of what it does next."""
        self.crash_point.steps_left = after

    @rule()
    def restart(self) -> None:
        """The process is stopped and started."""
        self._end()
        self._begin()

    @precondition(lambda self: self.backup is None)
    @rule()
    def back_up(self) -> None:
        """The operator makes a backup of the database."""
        self.backup = self._run(self._read())

    @precondition(lambda self: self.backup is not None)
    @rule()
    def restore(self) -> None:
        """The operator restores the backup."""
        self._end()
        self._begin()
        self._run(self._write(self.backup))
        self.restored = True

    @rule()
    def send_mail(self) -> None:
        """The sender sends what is due."""
        self._try(self._send_mail())

    @rule(down=booleans(), refuses=booleans())
    def mail_server_changes(self, down: bool, refuses: bool) -> None:
        """The mail server goes down or comes back, and refuses the next recipient for now or not."""
        self._act('smtp', down=down)
        if refuses:
            self.sandbox.fault('mail *', 'fail', status=451)

    @rule(minutes=sampled_from([1, 6, 200]))
    def time_passes(self, minutes: int) -> None:
        """Some time passes."""
        self._pass(timedelta(minutes=minutes))

    @rule()
    def reconcile(self) -> None:
        """The reconciler runs a round."""
        self._try(self.shop.reconciler.round())

    # --- checks

    @invariant()
    def no_calendar_without_payment(self) -> None:
        """An order opens its calendar only if its session is paid at Stripe."""
        if not hasattr(self, 'crash_point') or self.crash_point.steps_left is not None:
            return
        opened = [order for order in self._run(self._orders()) if order.opens_calendar]
        paid = self._payment_statuses() if opened else {}
        for order in opened:
            assert paid[order.session_id or ''] == 'paid'

    @invariant()
    def derived_columns_are_right(self) -> None:
        """State and number of active bookings are what follows from the facts, after every step."""
        if hasattr(self, 'crash_point') and self.crash_point.steps_left is None:
            self._run(check_derived(self.shop.ledger.store))

    def check_at_the_end(self) -> None:
        """Reconcile while everything works; then the ledger agrees with Stripe."""
        self._end()
        self._begin()
        self.sandbox.clear_faults()
        self._deliver_everything_backwards()
        self._pass(RETRY_TIME)
        while self._run(self.shop.reconciler.round()):
            pass
        # An order that was rebuilt makes the deliveries due that waited for it.
        self._run(self.shop.reconciler.round())
        self._carry_everything_out()
        self._read_everything()
        orders = {order.session_id: order for order in self._run(self._orders())}
        sandbox = self.sandbox.state()
        for session in sandbox['sessions']:
            self._check_order(session, orders.get(session['id']), sandbox)
        self._check_meetings(list(orders.values()))
        self._check_mails(list(orders.values()))
        self._check_effects(list(orders.values()))
        self._check_wishes()
        self._check_duplicates()
        self._check_another_round_changes_nothing()

    def teardown(self) -> None:
        """Check the ledger, then close everything."""
        try:
            self.check_at_the_end()
        finally:
            self._end()
            self.runner.close()
            self.http.close()

    def _check_mails(self, orders: list[Order]) -> None:
        """Check that who has paid got the mail with the link, and that none was repeated but by a crash."""
        self._act('smtp', down=False)
        self._pass(RETRY_TIME)
        self._run(self._send_mail())
        ids = Counter(mail['headers']['Message-ID'].partition('@')[0] for mail in self.sandbox.mails())
        for order in orders:
            if order.state is State.PAID:
                assert ids[f'<{order.reference}.paid'], f'{order.reference} has no mail'
        repeats = ids.total() - len(ids)
        event(f'{repeats} mails were repeated')
        if not self.restored:
            assert repeats <= self.mails_cut_off

    async def _send_mail(self) -> None:
        assert self.shop.mail_sender is not None
        while await self.shop.mail_sender.send_next():
            self.crash_point.mail_is_unmarked = False

    def _check_another_round_changes_nothing(self) -> None:
        before = self._run(self._read())['journal']
        self._run(self.shop.reconciler.round())
        self._carry_everything_out()
        self._read_everything()
        assert self._run(self._read())['journal'] == before

    # --- helpers

    def _begin(self) -> None:
        self.shop = build(parse_settings(self.environment), clock=lambda: datetime.now(UTC) + self.ahead)
        self.crash_point = CrashPoint(self.shop)
        app = FastAPI()
        for router in self.shop.routers():
            app.include_router(router)
        self.endpoints = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url='http://shop')

    def _end(self) -> None:
        self.crash_point.steps_left = None
        self.links_cut_off += self.crash_point.links_cut_off
        self._run(self.endpoints.aclose())
        self._run(self.shop.close())

    def _pass(self, time: timedelta) -> None:
        self.ahead += time
        self._act('clock', ahead=time.total_seconds())

    def _act(self, action: str, **params: Any) -> Any:
        """Run an action in the sandbox, where it is possible."""
        return self.http.post(f'/actions/{action}', json=params).json()

    async def _orders(self) -> list[Order]:
        return [order_from_row(row) for row in await self.shop.ledger.store.read(select(schema.orders))]

    async def _read(self) -> Rows:
        read = self.shop.ledger.store.read
        tables = schema.metadata.sorted_tables
        return {t.name: [dict(row._mapping) for row in await read(select(t))] for t in tables}

    async def _write(self, rows: Rows | None) -> None:
        """Replace all rows of the database."""

        def work(connection: Any) -> None:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(delete(table))
            for table in schema.metadata.sorted_tables:
                if rows and rows[table.name]:
                    connection.execute(insert(table), rows[table.name])

        await self.shop.ledger.store.write(work)

    def _try(self, step: Coroutine[Any, Any, object]) -> None:
        """Run a step that may be refused or crash; after a crash the process is started again."""
        try:
            self._run(step)
        except (AlreadyPaid, ShopError):
            return
        except Crash:
            self.mails_cut_off += self.crash_point.mail_is_unmarked
            self.links_cut_off += self.crash_point.has_new_link
            self._end()
            self._begin()

    def _run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(step)
