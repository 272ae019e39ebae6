"""A model of everything that can happen between customers, Stripe, the shop and its machine.

Each step does something that the outside can do, in any order; ``settle_down`` then lets one reconcile happen
and holds the ledger against the sandbox of Stripe: what is there, once, and told by the journal.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI
from hypothesis import event
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from
from sqlalchemy import delete, insert, select

from services.database import schema
from services.errors import AlreadyPaid, ShopError
from services.ledger.mapping import order_from_row
from services.orders import Cause, Order, State
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import CREATE, signed
from tests.sandbox_client import PROMPT, SandboxClient

T = TypeVar('T')

VISITORS = ('ann', 'bob')
RETRIED = timedelta(minutes=11)  # after this, everything that failed is due once more
Rows = dict[str, list[dict[str, Any]]]


class Cut(BaseException):
    """The power is cut: nothing of the process goes on."""


class Fuse:
    """Cuts the power of a shop after so many commits and questions to Stripe, before or after one."""

    def __init__(self, shop: Shop) -> None:
        self.left: int | None = None
        store, payments = shop.ledger.store, shop.payments
        write, asking = store.write, payments._request

        async def fused_write(work: Callable[..., T]) -> T:
            self.burn()
            done = await write(work)
            self.burn()
            return done

        def fused_request() -> Any:
            self.burn()
            return asking()

        store.write = fused_write  # type: ignore[method-assign]
        payments._request = fused_request  # type: ignore[method-assign]

    def burn(self) -> None:
        """Come one step closer to the cut; after it, every further step is cut as well."""
        if self.left is not None:
            if self.left <= 0:
                raise Cut
            self.left -= 1


class Model(RuleBasedStateMachine):
    """Two customers, one shop, Stripe; ``sandbox`` and ``environment`` are set by the test that runs it."""

    sandbox: SandboxClient
    environment: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.sandbox.reset()
        self.http = httpx.Client(base_url=self.sandbox.base, timeout=30, limits=PROMPT, trust_env=False)
        self.http.headers['Authorization'] = f'Bearer {self.sandbox.settings["STRIPE_SECRET_KEY"]}'
        self.ahead = timedelta()
        self.given: dict[str, list[str]] = {name: [] for name in VISITORS}  # sessions a browser was sent to
        self.asked_again = dict.fromkeys(VISITORS, 0)
        self.copy: Rows | None = None
        self.restored = False
        self.returned_money = False
        self.shop: Shop
        self._begin()
        self._run(self._write(None))

    # --- customers

    @rule(browser_id=sampled_from(VISITORS), again=booleans())
    def start(self, browser_id: str, again: bool) -> None:
        """Press the button; knowing of an earlier payment or not."""

        async def press() -> None:
            session = await self.shop.checkout.start(browser_id=browser_id, because=Cause.BUTTON, again=again)
            if session.id not in self.given[browser_id]:
                self.given[browser_id].append(session.id)
                self.asked_again[browser_id] += again

        self._try(press())

    @rule(browser_id=sampled_from(VISITORS), which=integers(0, 3), bank=booleans())
    def pay(self, browser_id: str, which: int, bank: bool) -> None:
        """Pay a session whose page the browser has open, by card or by a method that settles later."""
        sessions = self.given[browser_id]
        if sessions:
            session = sessions[-1 - which % len(sessions)]
            self._act(
                'pay', session=session, email=f'{browser_id}@example.com', method='bank' if bank else 'card'
            )

    @rule(browser_id=sampled_from(VISITORS), bank=booleans())
    def buy(self, browser_id: str, bank: bool) -> None:
        """Press the button and pay, at once."""
        self.start(browser_id, False)
        self.pay(browser_id, 0, bank)

    @rule(browser_id=sampled_from(VISITORS), which=integers(0, 3))
    def come_back(self, browser_id: str, which: int) -> None:
        """Return from Stripe, and look at the page of the order."""

        async def arrive() -> None:
            session = self.given[browser_id][-1 - which % len(self.given[browser_id])]
            order = await self.shop.fulfilment.arrive(session)
            if order:
                await self.shop.calendar.url(order)

        if self.given[browser_id]:
            self._try(arrive())

    # --- Stripe

    @rule(which=integers(0, 5), success=booleans())
    def settle_bank(self, which: int, success: bool) -> None:
        """The bank of a slow payment decides."""
        self._act('settle', session=self._session(which), success=success)

    @rule(which=integers(0, 5))
    def expire(self, which: int) -> None:
        """A session is closed."""
        self._act('expire', session=self._session(which))

    @rule(which=integers(0, 5), amount=sampled_from([None, 5000]), failed=booleans())
    def refund(self, which: int, amount: int | None, failed: bool) -> None:
        """The operator refunds at the dashboard, all or a part; the bank may send it back."""
        self.returned_money = True
        how = {'amount': amount} if amount else {}
        self._act('refund', session=self._session(which), failed=failed, **how)

    @rule(which=integers(0, 5), status=sampled_from(['open', 'won', 'lost']))
    def dispute(self, which: int, status: str) -> None:
        """A bank asks, and decides."""
        self.returned_money = True
        self._act('dispute', session=self._session(which), status=status)

    @rule(which=integers(0, 30), times=integers(1, 3))
    def deliver(self, which: int, times: int) -> None:
        """Some event is delivered, early, late, again, or never when this is not drawn."""
        events = self.sandbox.state()['events']
        if events:
            told = events[-1 - which % len(events)]
            body = json.dumps(told | {'data': {'object': told['object']}}).encode()
            for _ in range(times):
                self._try(self._post(body))

    @rule(status=sampled_from([500, 429]), match=sampled_from([CREATE, 'GET *', '*']), lose=booleans())
    def stripe_fails(self, status: int, match: str, lose: bool) -> None:
        """Stripe's API fails from now on, or does the work and the next answer is lost."""
        if lose:
            self.sandbox.fault(match, 'lose')
        else:
            self.sandbox.fault(match, 'fail', status=status, retry_after=0, times=None)

    @rule()
    def stripe_works(self) -> None:
        """Stripe's API works again."""
        self.sandbox.clear_faults()

    # --- the machine

    @rule(after=integers(0, 12))
    def power_fails(self, after: int) -> None:
        """The process dies at some step of whatever it does next."""
        self.fuse.left = after

    @rule()
    def restart(self) -> None:
        """The process is stopped and started."""
        self._end()
        self._begin()

    @precondition(lambda self: self.copy is None)
    @rule()
    def back_up(self) -> None:
        """The operator copies the database."""
        self.copy = self._run(self._read())

    @precondition(lambda self: self.copy is not None)
    @rule()
    def restore(self) -> None:
        """The database is put back to the copy."""
        self._end()
        self._begin()
        self._run(self._write(self.copy))
        self.restored = True

    @rule(minutes=sampled_from([1, 6, 200]))
    def time_passes(self, minutes: int) -> None:
        """Nothing happens for a while."""
        self._pass(timedelta(minutes=minutes))

    @rule()
    def reconcile(self) -> None:
        """The reconciler has its turn."""
        self._try(self.shop.reconciler.round())

    # --- what must hold

    @invariant()
    def nobody_books_who_did_not_pay(self) -> None:
        """No order has a calendar whose session is not paid at Stripe."""
        if not hasattr(self, 'fuse') or self.fuse.left is not None:
            return
        opened = [order for order in self._run(self._orders()) if order.opens_calendar]
        truth = self._truth() if opened else {}
        for order in opened:
            assert truth[order.session_id or ''] == 'paid'

    def settle_down(self) -> None:
        """Let everything work again and reconcile once; then the ledger is what Stripe says."""
        self._end()
        self._begin()
        self.sandbox.clear_faults()
        self._pass(RETRIED)
        while self._run(self.shop.reconciler.round()):
            pass
        orders = {order.session_id: order for order in self._run(self._orders())}
        sandbox = self.sandbox.state()
        for session in sandbox['sessions']:
            self._is_told(session, orders.get(session['id']), sandbox)
        self._nobody_duplicate_of()
        self._another_round_is_silent()

    def teardown(self) -> None:
        """Judge, and let go."""
        try:
            self.settle_down()
        finally:
            self._end()
            self.runner.close()
            self.http.close()

    # --- how

    def _is_told(self, session: dict[str, Any], order: Order | None, sandbox: dict[str, Any]) -> None:
        """The order of a session is as the session is, and its journal tells it once."""
        wanted = _state_of(session, sandbox)
        event(f'a session ended {wanted}')
        if order is None:  # never handed to a browser, or forgotten by a restore; not paid in any case
            assert wanted in (State.OPEN, State.EXPIRED), f'{wanted} is missing'
            return
        if wanted is State.OPEN:
            assert order.state in (State.OPEN, State.EXPIRED)
            return
        assert order.state is wanted
        lines = self._run(self.shop.ledger.journal.lines(order.id))
        versions = [line.version for line in lines]
        assert versions == list(range(1, order.version + 1))
        told = [line.line for line in lines if f'→ {State.PAID}' in line.line]
        ways = 1 + self.returned_money * len(lines)  # a refund that fails makes an order paid once more
        assert len(told) <= ways
        if wanted is not State.EXPIRED:
            assert order.completed_at
            assert order.facts == self._run(self._adopted(order)).facts

    async def _adopted(self, order: Order) -> Order:
        """What a shop would write down that sees the session for the first time, at the very end."""
        session = await self.shop.payments.read_session(order.session_id or '')
        assert session
        return Order(**{f.name: getattr(order, f.name) for f in fields(order)} | {'facts': session.facts})

    def _nobody_duplicate_of(self) -> None:
        """Whoever did not ask for more paid once; whoever paid more is known to the operator."""
        if self.restored:
            return
        paid = dict.fromkeys(VISITORS, 0)
        for session in self.sandbox.state()['sessions']:
            owner = next((v for v in VISITORS if session['id'] in self.given[v]), None)
            if owner and session['payment_status'] == 'paid':
                paid[owner] += 1
        for browser_id, times in paid.items():
            assert times <= 1 + self.asked_again[browser_id]
        charges = self.sandbox.state()['charges']
        cards = [
            each for each in charges if each['paid'] and each['payment_method_details']['type'] == 'card'
        ]
        flagged = [order for order in self._run(self._orders()) if order.duplicate_of]
        if not self.returned_money and self.ahead < timedelta(hours=20):
            assert len(flagged) >= len(cards) - 1  # it is always the same card

    def _another_round_is_silent(self) -> None:
        before = self._run(self._read())['journal']
        self._run(self.shop.reconciler.round())
        assert self._run(self._read())['journal'] == before

    def _begin(self) -> None:
        self.shop = build(parse_settings(self.environment), clock=lambda: datetime.now(UTC) + self.ahead)
        self.fuse = Fuse(self.shop)
        app = FastAPI()
        for endpoint in self.shop.routers():
            app.include_router(endpoint)
        self.endpoints = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url='http://shop')

    def _end(self) -> None:
        self.fuse.left = None
        self._run(self.endpoints.aclose())
        self._run(self.shop.close())

    def _pass(self, time: timedelta) -> None:
        self.ahead += time
        self._act('clock', ahead=time.total_seconds())

    def _session(self, which: int) -> str:
        sessions = self.sandbox.state()['sessions']
        return str(sessions[which % len(sessions)]['id']) if sessions else ''

    def _act(self, verb: str, **what: Any) -> None:
        """Do something at Stripe, where it is possible."""
        self.http.post(f'/actions/{verb}', json=what)

    async def _post(self, body: bytes) -> None:
        headers = signed(body, self.environment['STRIPE_WEBHOOK_SECRET'])
        await self.endpoints.post('/webhooks/stripe', content=body, headers=headers)

    async def _orders(self) -> list[Order]:
        return [order_from_row(row) for row in await self.shop.ledger.store.read(select(schema.orders))]

    async def _read(self) -> Rows:
        read = self.shop.ledger.store.read
        tables = schema.metadata.sorted_tables
        return {t.name: [dict(row._mapping) for row in await read(select(t))] for t in tables}

    async def _write(self, rows: Rows | None) -> None:
        """Make the database hold these rows and no other."""

        def work(connection: Any) -> None:
            for table in reversed(schema.metadata.sorted_tables):
                connection.execute(delete(table))
            for table in schema.metadata.sorted_tables:
                if rows and rows[table.name]:
                    connection.execute(insert(table), rows[table.name])

        await self.shop.ledger.store.write(work)

    def _truth(self) -> dict[str, str]:
        found = {}
        for session in self.sandbox.state()['sessions']:
            found[session['id']] = session['payment_status']
        return found

    def _try(self, step: Coroutine[Any, Any, object]) -> None:
        """Do a step, which may fail in words, or be cut; after a cut the process is started anew."""
        try:
            self._run(step)
        except (AlreadyPaid, ShopError):
            return
        except Cut:
            self._end()
            self._begin()

    def _run(self, step: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(step)


def _state_of(session: dict[str, Any], sandbox: dict[str, Any]) -> State:
    """What a session amounts to, read off the sandbox and not off the code under test."""
    if session['status'] != 'complete':
        return State.OPEN if session['status'] == 'open' else State.EXPIRED
    intents = {intent['id']: intent for intent in sandbox['payment_intents']}
    intent = intents[session['payment_intent']]
    if session['payment_status'] == 'unpaid':
        failed = intent['status'] in ('requires_payment_method', 'canceled')
        return State.FAILED if failed else State.PROCESSING
    charge = next(charge for charge in sandbox['charges'] if charge['id'] == intent['latest_charge'])
    disputes = [each['status'] for each in sandbox['disputes'] if each['charge'] == charge['id']]
    if 'lost' in disputes:
        return State.LOST
    if charge['amount_refunded'] >= charge['amount']:
        return State.REFUNDED
    if any(status != 'won' for status in disputes):
        return State.DISPUTED
    return State.PARTLY_REFUNDED if charge['amount_refunded'] else State.PAID
