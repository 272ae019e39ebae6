"""The model's part about Stripe: how payments end, what is delivered, what the ledger must say of them."""

import json
from dataclasses import fields
from datetime import timedelta
from typing import Any

from hypothesis import event
from hypothesis.stateful import rule
from hypothesis.strategies import booleans, integers, sampled_from

from services.orders import Order, State
from tests.factories import CREATE, signed
from tests.services.model_of_refunds import RefundRules

MAY_FAIL = (CREATE, 'POST /v1/refunds', 'GET *', '*')  # requests to Stripe
DISPUTE_STATUSES = ('open', 'inquiry', 'appeal', 'won', 'lost', 'prevented', 'warning_closed')
DECIDED_AGAINST_US = ('lost', 'prevented', 'appeal_needs_response', 'appeal_under_review')


class PaymentRules(RefundRules):
    """The rules about payments; `Model` has the shop, the sandbox and the helpers."""

    ahead: timedelta
    sessions_of: dict[str, list[str]]  # by browser
    bought_again: dict[str, int]  # sessions for a payment that was wanted once more, by browser

    @rule(which=integers(0, 5), success=booleans())
    def bank_payment_ends(self, which: int, success: bool) -> None:
        """A bank payment succeeds or fails."""
        self._act('settle', session=self._session(which), success=success)

    @rule(which=integers(0, 5))
    def expire(self, which: int) -> None:
        """A session is closed."""
        self._act('expire', session=self._session(which))

    @rule(which=integers(0, 5), amount=sampled_from([None, 5000]), failed=booleans())
    def refund(self, which: int, amount: int | None, failed: bool) -> None:
        """The operator refunds all or a part; the refund may fail later."""
        self.money_was_returned = True
        partly = {'amount': amount} if amount else {}
        self._act('refund', session=self._session(which), failed=failed, **partly)

    @rule(which=integers(0, 5), old_event=booleans())
    def refund_fails(self, which: int, old_event: bool) -> None:
        """A refund fails after it succeeded; an older account may be told by the older event only."""
        refunds = self.sandbox.state()['refunds']
        if refunds:
            refund = refunds[-1 - which % len(refunds)]['id']
            self._act('fail-refund', refund=refund, only_old_event=old_event)

    @rule(which=integers(0, 5), status=sampled_from(DISPUTE_STATUSES), amount=sampled_from([None, 5000]))
    def dispute(self, which: int, status: str, amount: int | None) -> None:
        """A bank asks for all or a part, the operator appeals, or the bank decides."""
        self.money_was_returned = True
        partly = {'amount': amount} if amount else {}
        self._act('dispute', session=self._session(which), status=status, **partly)

    @rule(which=integers(0, 5), reason=sampled_from([None, 'approved', 'refunded']))
    def review(self, which: int, reason: str | None) -> None:
        """A payment is put under review, or its review is closed."""
        self.money_was_returned = True  # an approved order becomes paid once more
        closed = {'reason': reason} if reason else {}
        self._act('review', session=self._session(which), **closed)

    @rule(which=integers(0, 30), times=integers(1, 3), thin=booleans())
    def deliver(self, which: int, times: int, thin: bool) -> None:
        """Stripe delivers an event, early or late, once or several times, as a snapshot or thin."""
        events = self.sandbox.state()['events']
        if events:
            sent = events[-1 - which % len(events)]
            body = json.dumps(sent | {'data': {'object': sent['object']}}).encode()
            if thin:
                body = json.dumps(self._act('thin-event', event=sent['id'])).encode()
            for _ in range(times):
                self._try(self._post(body))

    @rule(status=sampled_from([500, 429]), match=sampled_from(MAY_FAIL), lose=booleans())
    def stripe_fails(self, status: int, match: str, lose: bool) -> None:
        """Stripe fails from now on, or its next response is lost after the work was done."""
        if lose:
            self.sandbox.fault(match, 'lose')
        else:
            self.sandbox.fault(match, 'fail', status=status, retry_after=0, times=None)

    @rule()
    def stripe_works(self) -> None:
        """Stripe works again."""
        self.sandbox.clear_faults()

    def _check_order(self, session: dict[str, Any], order: Order | None, sandbox: dict[str, Any]) -> None:
        """Check that an order agrees with its session and that its journal says so once."""
        wanted = _state_of(session, sandbox)
        event(f'a session ended {wanted}')
        if order is None:  # no browser got the session, or the backup is older; nobody paid it
            assert wanted in (State.OPEN, State.EXPIRED), f'{wanted} is missing'
            return
        if wanted is State.OPEN:
            assert order.state in (State.OPEN, State.EXPIRED)
            return
        assert order.state is wanted
        lines = self._run(self.shop.ledger.journal.lines(order.id))
        versions = [line.version for line in lines if not line.line.startswith('meeting of ')]
        assert versions == list(range(1, order.version + 1))
        paid_lines = [line for line in lines if f'→ {State.PAID}' in line.line]
        limit = 1 + self.money_was_returned * len(lines)  # a refund that fails makes an order paid once more
        assert len(paid_lines) <= limit
        if wanted is not State.EXPIRED:
            assert order.completed_at
            assert order.facts == self._run(self._read_again(order)).facts

    async def _read_again(self, order: Order) -> Order:
        """Return the order with the facts of its session as Stripe returns them now."""
        session = await self.shop.payments.read_session(order.session_id or '')
        assert session
        return Order(**{f.name: getattr(order, f.name) for f in fields(order)} | {'facts': session.facts})

    def _check_duplicates(self) -> None:
        """Check that no browser paid twice unasked, and that second payments are marked."""
        if self.restored:
            return
        paid, sandbox = dict.fromkeys(self.sessions_of, 0), self.sandbox.state()
        for session in sandbox['sessions']:
            owner = next((name for name in self.sessions_of if session['id'] in self.sessions_of[name]), None)
            if owner and session['payment_status'] == 'paid' and not _was_money_back(session, sandbox):
                paid[owner] += 1
        for browser_id, times in paid.items():
            assert times <= 1 + self.bought_again[browser_id]
        cards = [
            each
            for each in sandbox['charges']
            if each['paid'] and each['payment_method_details']['type'] == 'card'
        ]
        marked = [order for order in self._run(self._orders()) if order.duplicate_of]
        if not self.money_was_returned and self.ahead < timedelta(hours=20):
            assert len(marked) >= len(cards) - 1  # it is always the same card

    def _session(self, which: int) -> str:
        sessions = self.sandbox.state()['sessions']
        return str(sessions[which % len(sessions)]['id']) if sessions else ''

    async def _post(self, body: bytes) -> None:
        headers = signed(body, self.environment['STRIPE_WEBHOOK_SECRET'])
        await self.endpoints.post('/webhooks/stripe', content=body, headers=headers)

    def _payment_statuses(self) -> dict[str, str]:
        return {session['id']: session['payment_status'] for session in self.sandbox.state()['sessions']}


def _state_of(session: dict[str, Any], sandbox: dict[str, Any]) -> State:
    """Derive the state of a session's order from the sandbox, without the code under test."""
    if session['status'] != 'complete':
        return State.OPEN if session['status'] == 'open' else State.EXPIRED
    intents = {intent['id']: intent for intent in sandbox['payment_intents']}
    intent = intents[session['payment_intent']]
    if session['payment_status'] == 'unpaid':
        failed = intent['status'] in ('requires_payment_method', 'canceled')
        return State.FAILED if failed else State.PROCESSING
    charge = next(charge for charge in sandbox['charges'] if charge['id'] == intent['latest_charge'])
    disputes = [dispute for dispute in sandbox['disputes'] if dispute['charge'] == charge['id']]
    taken = sum(_taken(dispute) for dispute in disputes if dispute['status'] in DECIDED_AGAINST_US)
    if charge['amount_refunded'] >= charge['amount']:
        return State.REFUNDED
    if charge['amount_refunded'] + taken >= charge['amount']:
        return State.LOST
    if any(review['open'] and review['charge'] == charge['id'] for review in sandbox['reviews']):
        return State.UNDER_REVIEW
    closed = (*DECIDED_AGAINST_US, 'won', 'warning_closed')
    # An inquiry alone moves no money, and the charge is not called disputed (decision 62).
    if charge['disputed'] and any(dispute['status'] not in closed for dispute in disputes):
        return State.DISPUTED
    return State.PARTLY_REFUNDED if charge['amount_refunded'] + taken else State.PAID


def _was_money_back(session: dict[str, Any], sandbox: dict[str, Any]) -> bool:
    """Whether the whole payment may have been back at some time: then another one was no mistake.

    A refund that failed and a dispute that was won count too: they were known as such only later.
    """
    intent = session['payment_intent']
    back = [
        each['amount']
        for each in (*sandbox['refunds'], *sandbox['disputes'])
        if each['payment_intent'] == intent
    ]
    return bool(sum(back) >= session['amount_total'])


def _taken(dispute: dict[str, Any]) -> int:
    """Return what a dispute that was decided against us took."""
    moved = [transaction['amount'] for transaction in dispute['balance_transactions']]
    return -sum(moved) if moved else int(dispute['amount'])
