"""Three months of made-up orders for the demo, written with the ledger's own writers in the order of time.

The sandbox does not know their sessions: Stripe answers that there is no such thing, and the reconciler then
leaves an order as it is. Each run with one seed and one time makes the same orders.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

from services.ledger import (
    Alert,
    Delivery,
    Effect,
    EffectKind,
    EffectState,
    Ledger,
    MailRules,
    MailState,
    Source,
    UnmatchedReason,
    connect,
)
from services.orders import (
    SESSION_LIFETIME,
    AlertKind,
    Booking,
    BookingState,
    Canceler,
    Cause,
    Environment,
    Facts,
    MailKind,
    Order,
    Purchase,
)

DAYS = 91
OPERATOR = 'operator@coach.test'
FIRST = (
    'Ana Ben Carla Dwight Elena Frank Grace Hector Irene James Keisha Luis Maya Nate Olivia Pat Quinn Rosa'
)
LAST = 'Alvarez Brooks Castillo Dawson Ellis Foster Garcia Hayes Iverson Jordan Kim Lewis Moreno Nguyen'
STORIES = {
    'met': 47, 'abandoned': 22, 'moved': 6, 'not booked': 2, 'refunded': 5, 'partly refunded': 3,
    'no-show': 3, 'failed': 3, 'bank': 3, 'corrected': 2, 'duplicate': 1, 'won': 1, 'lost': 1,
    'refused mail': 1,
}  # fmt: skip
"""What becomes of an order: how many of a hundred."""
RECENT = ('disputed', 'under review', 'mismatch', 'warned', 'still booked', 'not booked', 'bank', 'duplicate')
"""What surely happens within the last days, so that something needs a hand."""

Step = tuple[datetime, Callable[[], Awaitable[None]]]


@dataclass
class _Clock:
    """The time of the step that is being written."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Sold:
    """What the made-up orders have bought, and where."""

    purchase: Purchase
    environment: Environment
    domain: str


@dataclass
class _Story:
    """One customer: who it is, when the page was opened, and what happens then."""

    kind: str
    number: int
    at: datetime
    name: str
    email: str
    meeting: datetime
    order_id: str = ''
    repeats: str = ''
    steps: list[Step] = field(default_factory=list)


def fill(database_url: str, sold: Sold, *, now: datetime, seed: int = 1) -> int:
    """Create a ledger and fill it with three months of orders; returns how many there are."""
    logging.disable(logging.WARNING)  # what the made-up orders warn of is no news
    try:
        return asyncio.run(write(database_url, sold, now=now, seed=seed))
    finally:
        logging.disable(logging.NOTSET)


async def write(database_url: str, sold: Sold, *, now: datetime, seed: int = 1) -> int:
    """Do what ``fill`` does, in a running event loop."""
    clock = _Clock(now)
    ledger = Ledger(connect(database_url), clock, mail_rules=MailRules(True, timedelta(hours=24), True))
    await ledger.open()
    try:
        return await _Writer(ledger, clock, sold, Random(seed)).write(now)  # noqa: S311  # plausible, not secret
    finally:
        await ledger.close()


class _Writer:
    """Plans what happens to every customer, then writes all of it in the order of time."""

    def __init__(self, ledger: Ledger, clock: _Clock, sold: Sold, random: Random) -> None:
        self._ledger = ledger
        self._clock = clock
        self._sold = sold
        self._random = random
        self._refused: set[str] = set()  # orders whose mail is refused, or whose meeting stays

    async def write(self, now: datetime) -> int:
        """Write everything that happens before a time; returns the number of orders."""
        stories = list(self._stories(now))
        steps = [step for story in stories for step in self._steps(story)] + self._other_steps(now)
        for time, act in sorted(steps, key=lambda step: step[0]):
            if time <= now:
                self._clock.now = time
                await act()
                await self._work_off()
        self._clock.now = now
        await self._work_off()
        found = [await self._ledger.orders.find(id=story.order_id) for story in stories]
        orders = [order for order in found if order]
        await self._ledger.orders.checked(orders)  # none of them is due at once
        return len(orders)

    def _stories(self, now: datetime) -> list[_Story]:
        """Invent the customers: a few on each day, more of late, and some with what needs a hand."""
        random = self._random
        days: list[tuple[int, str | None]] = []
        met: list[_Story] = []
        for day in range(DAYS, -1, -1):
            many = 2 if day == 0 else 1 + (day < DAYS // 2)
            days += [(day, None) for _ in range(random.randint(many - 1, many + 2))]
        days += [(1 + number % 6, kind) for number, kind in enumerate(RECENT)]
        stories: list[_Story] = []
        for number, (day, kind) in enumerate(days):
            midnight = (now - timedelta(days=day)).replace(hour=0, minute=0, second=0, microsecond=0)
            at = midnight + timedelta(seconds=random.randint(13 * 3600, 24 * 3600 - 1))
            ahead = midnight + timedelta(days=random.randint(1, 9), hours=random.choice((14, 15, 17, 19, 20)))
            first, last = random.choice(FIRST.split()), random.choice(LAST.split())
            email = f'{first}.{last}{number}@example.com'.lower()
            if day == 0:  # of today only what is paid by now
                at, kind = now - timedelta(minutes=random.randint(20, 400)), 'met'
            chosen = kind or random.choices(list(STORIES), list(STORIES.values()))[0]
            story = _Story(chosen, number, at, f'{first} {last}', email, ahead)
            if chosen == 'duplicate' and met:
                before = met[-1]
                story.name, story.email, story.at = (
                    before.name,
                    before.email,
                    before.at + timedelta(minutes=20),
                )
                story.repeats = f'DEMO-{before.number:04}'
            if chosen == 'met':
                met.append(story)
            stories.append(story)
        return stories

    def _steps(self, story: _Story) -> list[Step]:
        """Plan one customer: the order, then the payment, the meeting, and what is special."""
        kind, at, order_id = story.kind, story.at, f'demo-order-{story.number:04}'
        story.order_id = order_id
        price = self._sold.purchase.price
        paid = Facts(
            'complete', 'paid', price.amount, price.amount, seen_currency=price.currency,
            payment_id=f'pi_demo{story.number:020}', card_fingerprint=f'demo{story.number}',
            email=story.email, name=story.name,
        )  # fmt: skip
        paid_at = at + timedelta(seconds=self._random.randint(40, 600))
        steps: list[Step] = [(at, lambda: self._open(story))]

        def later(days: float, line: str, *, because: Cause = Cause.WEBHOOK, **changes: object) -> None:
            steps.append(
                (paid_at + timedelta(days=days), lambda: self._move(order_id, because, line, changes))
            )

        if kind == 'abandoned':
            closed: dict[str, object] = {
                'facts': Facts('expired', 'unpaid'),
                'claim': None,
                'session_url': None,
            }
            line, time = 'open → expired', at + SESSION_LIFETIME
            return [*steps, (time, lambda: self._move(order_id, Cause.RECONCILER, line, closed))]
        if kind in ('bank', 'failed'):
            waits = replace(paid, payment_status='unpaid')
            later(0, 'open → processing', facts=waits, completed_at=paid_at, claim=None, session_url=None)
            if kind == 'failed':
                later(3, 'processing → failed', facts=replace(waits, payment_failed=True))
                return steps
            later(4, 'processing → paid', facts=paid)
            paid_at += timedelta(days=4)
            story.meeting += timedelta(days=4)
        else:
            facts = replace(paid, under_review=kind == 'under review')
            if kind == 'mismatch':
                half = price.amount // 2
                facts = replace(paid, mismatch='amount', amount_subtotal=half, amount_total=half)
            because = self._random.choice(
                (Cause.WEBHOOK, Cause.WEBHOOK, Cause.WEBHOOK, Cause.RETURN, Cause.RECONCILER)
            )
            state = kind if kind in ('mismatch', 'under review') else 'paid'
            line = f'open → {state}'
            later(0, line, because=because, facts=facts, completed_at=paid_at, claim=None, session_url=None)
            if state != 'paid':
                return steps
        if kind in ('refused mail', 'still booked'):
            self._refused.add(order_id)
        self._add_special(story, paid, later)
        if kind != 'not booked':
            steps += self._meeting_steps(story, paid_at)
        return steps

    def _add_special(self, story: _Story, paid: Facts, later: Callable[..., None]) -> None:
        """Plan what happens to a payment afterwards."""
        amount = paid.amount_total or 0
        disputed = replace(paid, amount_disputed=amount, dispute_status='needs_response')
        due = story.at + timedelta(days=9)
        match story.kind:
            case 'refunded':
                later(2.2, 'paid → refunded', facts=replace(paid, amount_refunded=amount))
            case 'still booked':
                later(0.2, 'paid → refunded', facts=replace(paid, amount_refunded=amount))
            case 'partly refunded':
                later(12, 'paid → partly refunded', facts=replace(paid, amount_refunded=amount // 3))
            case 'disputed':
                later(0.5, 'paid → disputed', facts=replace(disputed, dispute_due_at=due))
            case 'won' | 'lost':
                later(5, 'paid → disputed', facts=replace(disputed, dispute_due_at=due))
                won = replace(paid, dispute_status='won')
                lost = replace(paid, dispute_status='lost', amount_lost=amount)
                line = 'disputed → paid' if story.kind == 'won' else 'disputed → lost'
                later(14, line, facts=won if story.kind == 'won' else lost)
            case 'warned':
                later(0.3, 'the card issuer reports fraud', fraud_warning=True)
            case 'duplicate' if story.repeats:
                line = f'seems paid twice: see {story.repeats}'
                later(0.01, line, because=Cause.RECONCILER, duplicate_of=story.repeats)
            case 'corrected':
                email = f'correct.{story.email}'
                line, at = f'e-mail address corrected from {story.email} to {email}', story.at
                later(0.02, line, because=Cause.PAGE, contact_email=email, contact_email_at=at)

    def _meeting_steps(self, story: _Story, paid_at: datetime) -> list[Step]:
        """Plan the calendar link, the booking, and what becomes of the meeting."""
        order_id, start = story.order_id, max(story.meeting, paid_at + timedelta(hours=3))
        booking = self._booking(f'{order_id}-1', story, start)
        link: dict[str, object] = {
            'calendar_url': f'https://calendly.com/d/{order_id}',
            'calendar_url_at': paid_at,
        }
        made, booked_at = paid_at + timedelta(seconds=20), paid_at + timedelta(minutes=4)
        steps: list[Step] = [
            (made, lambda: self._move(order_id, Cause.PAGE, 'calendar link made', link)),
            (booked_at, lambda: self._book(order_id, booking)),
        ]
        if story.kind == 'moved':
            other = replace(booking, invitee_id=f'{booking.invitee_id}-moved', replaces=booking.invitee_id)
            other = replace(other, start=start + timedelta(days=1), end=booking.end + timedelta(days=1))
            steps.append((booked_at + timedelta(hours=2), lambda: self._book(order_id, other)))
        if story.kind == 'no-show':
            absent = replace(booking, no_show=True)
            steps.append((booking.end + timedelta(minutes=20), lambda: self._book(order_id, absent)))
        return steps

    def _other_steps(self, now: datetime) -> list[Step]:
        """Plan what belongs to no order: unmatched meetings, and deliveries that fail."""
        steps: list[Step] = []
        for number, ahead in enumerate((-20, 2)):
            start = (now + timedelta(days=ahead)).replace(hour=16, minute=0, second=0, microsecond=0)
            who = _Story('', number, now, 'Sam Stranger', f'sam{number}@example.com', start)
            booking = self._booking(f'demo-unmatched-{number}', who, start)
            steps.append((start - timedelta(days=4), partial(self._list, booking)))
        steps.append((now - timedelta(hours=5), self._fail_delivery))
        return steps

    def _booking(self, key: str, story: _Story, start: datetime) -> Booking:
        uri = f'https://api.calendly.com/scheduled_events/{key}'
        return Booking(
            f'{uri}/invitees/{key}', BookingState.ACTIVE, start,
            start + timedelta(minutes=self._sold.purchase.minutes), timezone='America/New_York',
            email=story.email, name=story.name, place=f'https://meet.example/{key}',
        )  # fmt: skip

    async def _open(self, story: _Story) -> None:
        name = f'{story.number:04}'
        order = Order(
            id=story.order_id, version=1, reference=f'DEMO-{name}', token=f'demo-token-{name}',
            booking_key=f'demo-key-{name}', environment=self._sold.environment, domain=self._sold.domain,
            purchase=self._sold.purchase, created_at=story.at, session_expires_at=story.at + SESSION_LIFETIME,
            browser_hash=f'demo-browser-{name}',
        )  # fmt: skip
        await self._ledger.orders.add(order, because=Cause.BUTTON)
        session = {'session_id': f'cs_test_demo{name}', 'facts': Facts('open', 'unpaid')}
        await self._move(order.id, Cause.BUTTON, 'payment session opened', session)

    async def _move(self, order_id: str, because: Cause, line: str, changes: dict[str, object]) -> None:
        order = await self._ledger.orders.find(id=order_id)
        assert order is not None
        delivery = None
        if because is Cause.WEBHOOK:
            delivery = Delivery(
                Source.STRIPE, f'evt_{order_id}_{order.version}', 'demo', str(order.session_id)
            )
            await self._ledger.deliveries.record(delivery)
        await self._ledger.orders.move(order, because=because, line=line, handles=delivery, **changes)  # type: ignore[arg-type]

    async def _book(self, order_id: str, booking: Booking) -> None:
        order = await self._ledger.orders.find(id=order_id)
        assert order is not None
        await self._ledger.bookings.put(order, booking, because=Cause.WEBHOOK, was_read=True)

    async def _list(self, booking: Booking) -> None:
        await self._ledger.unmatched.record_unmatched(
            booking, UnmatchedReason.NO_KEY, event_type='', handles=None
        )

    async def _fail_delivery(self) -> None:
        delivery = Delivery(Source.CALENDLY, 'demo-failed', 'invitee.created', '{}')
        await self._ledger.deliveries.record(delivery)
        await self._ledger.deliveries.keep_error(delivery, 'it cannot be read: demo', final=True)
        alert = Alert(
            'demo.delivery', AlertKind.DELIVERY, None, 'calendly, invitee.created: it cannot be read'
        )
        await self._ledger.mails.report(alert)

    async def _work_off(self) -> None:
        """Do what the mail sender and the effect runner would have done by now."""
        while effect := await self._ledger.effects.claim():
            await self._carry_out(effect)
        while mail := await self._ledger.mails.claim():
            order = await self._ledger.orders.find(id=mail.order_id or '')
            recipient = (
                OPERATOR if mail.kind is MailKind.ALERTS else mail.recipient or (order.email if order else '')
            )
            if mail.kind is MailKind.REMINDER and order and await self._ledger.bookings.of(order.id):
                await self._ledger.mails.finish(mail, MailState.DROPPED, error='a time is picked')
            elif mail.order_id in self._refused and mail.kind is MailKind.PAID:
                error = f'550 5.1.1 <{recipient}>: no such mailbox'
                await self._ledger.mails.finish(mail, MailState.REFUSED, recipient=recipient, error=error)
            else:
                await self._ledger.mails.finish(mail, MailState.SENT, recipient=recipient)

    async def _carry_out(self, effect: Effect) -> None:
        booking = await self._ledger.bookings.find(effect.target)
        order = await self._ledger.orders.find(id=effect.order_id)
        if effect.kind is not EffectKind.CANCEL_MEETING or booking is None or order is None:
            await self._ledger.effects.finish(effect, EffectState.DONE)
        elif effect.order_id in self._refused:
            why = 'the token may not cancel meetings'
            line = f'the meeting of {booking.start:%Y-%m-%d %H:%M} UTC stays: {why}'
            await self._ledger.effects.finish(effect, EffectState.REFUSED, line=line, error=why)
        else:
            gone = replace(booking, state=BookingState.CANCELED, canceled_by=Canceler.HOST)
            await self._ledger.bookings.put(order, gone, because=Cause.RECONCILER, was_read=True, ends=effect)
