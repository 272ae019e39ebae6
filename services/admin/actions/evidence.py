"""Evidence for a dispute: everything the shop knows of an order, as sections, JSON and Stripe's fields."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.admin.actions.results import Result
from services.errors import OurFault, PaymentRefused
from services.ledger import Effect, EffectKind, EffectState, JournalLine, Ledger, MailRecord, NewEffect
from services.money import Money
from services.orders import Booking, BookingState, Cause, Order
from services.payments import LONGEST_EVIDENCE, Payments, longest_field
from services.site import Legal, Site

TRIES = 8
SHORTENED = '\n[shortened]'
VISITS = frozenset({Cause.BUTTON, Cause.FORM, Cause.RETURN, Cause.PAGE})
"""The causes of journal lines that only a visit of a page can have."""


@dataclass(frozen=True)
class Section:
    """One part of the evidence: rows of a name and a value."""

    title: str
    rows: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The rows as lines."""
        return '\n'.join(f'{name}: {value}' for name, value in self.rows)


@dataclass(frozen=True)
class Evidence:
    """What is known of one order; ``fields`` are Stripe's names with the texts that a draft sends."""

    reference: str
    sections: tuple[Section, ...]
    fields: Mapping[str, str]

    def as_json(self) -> str:
        """Write it as JSON."""
        sections = {section.title: [list(row) for row in section.rows] for section in self.sections}
        return json.dumps(
            {'order': self.reference, 'sections': sections, 'stripe': dict(self.fields)},
            ensure_ascii=False,
            indent=2,
        )


class EvidenceActions:
    """Collects evidence, and has it drafted in the dispute."""

    def __init__(self, ledger: Ledger, site_at: Callable[[datetime], Awaitable[Site]]) -> None:
        """Make it.

        Args:
            ledger: knows what happened.
            site_at: returns the texts that were shown at a time.
        """
        self._ledger = ledger
        self._site_at = site_at

    async def collect(self, order: Order) -> Evidence:
        """Collect what is known of an order.

        Args:
            order: which one.
        """
        lines = await self._ledger.journal.lines(order.id)
        bookings = await self._ledger.bookings.of(order.id)
        mails = await self._ledger.mails.of(order.id)
        effects = await self._ledger.effects.of(order.id)
        refunds = [effect for effect in effects if effect.kind is EffectKind.REFUND]
        site = await self._site_at(order.created_at)
        sections = (
            _bought(order),
            _terms(order, site),
            _payment(order),
            Section('Visits of our pages', _visits(lines)),
            Section('Bookings', tuple(_booking_rows(bookings))),
            Section('E-mails', tuple(_mail_rows(mails))),
            Section('Refunds', tuple(_refund_rows(order, refunds))),
            Section('Journal', tuple((_moment(line.at), _line(line)) for line in lines)),
        )
        return Evidence(order.reference, sections, _fields(order, bookings, sections, site))

    async def request_draft(self, order: Order, *, form: str, actor: str) -> Result:
        """Write down that the evidence is to be written into the dispute, without submitting it.

        Args:
            order: whose payment is disputed.
            form: the id of the form, made anew with each page.
            actor: the person who acts.
        """
        for _ in range(TRIES):
            current = await self._ledger.orders.find(id=order.id)
            if current is None:
                return Result.UNKNOWN
            if not current.facts.dispute_status or not current.facts.payment_id:
                return Result.NO_DISPUTE
            if await self._ledger.effects.find(EffectKind.DRAFT_EVIDENCE, form):
                return Result.EVIDENCE_BEGUN
            moved = await self._ledger.orders.move(
                current,
                because=Cause.OPERATOR,
                actor=actor,
                line='evidence is to be drafted at Stripe',
                wants=[NewEffect(EffectKind.DRAFT_EVIDENCE, form, {'actor': actor})],
            )
            if moved:
                return Result.EVIDENCE_BEGUN
        raise OurFault(f'{TRIES} conflicts in a row')


class EvidenceEffects:
    """Writes the evidence into the dispute, as a draft."""

    def __init__(self, ledger: Ledger, payments: Payments, evidence: EvidenceActions) -> None:
        """Make it.

        Args:
            ledger: has the wishes, and keeps their results.
            payments: has the disputes.
            evidence: collects what is known.
        """
        self._ledger = ledger
        self._payments = payments
        self._evidence = evidence
        self.handlers: Mapping[EffectKind, Callable[[Effect], Awaitable[None]]] = {
            EffectKind.DRAFT_EVIDENCE: self.draft
        }

    async def draft(self, effect: Effect) -> None:
        """Write the evidence, as it is now, into the dispute; a second time replaces the first.

        Raises:
            ShopError: Stripe does not answer; the effect is tried again.
        """
        order = await self._ledger.orders.find(id=effect.order_id)
        assert order is not None
        finish, disputes = self._ledger.effects.finish, self._payments.evidence
        try:
            dispute = await disputes.find_dispute(order.facts.payment_id)
            if dispute is None:
                raise PaymentRefused('the payment has no dispute that can be answered', reason='')
            evidence = await self._evidence.collect(order)
            key = f'{effect.target}-{effect.created_at:%Y%m%d%H%M%S}-{effect.tries}'
            await disputes.draft(dispute, evidence.fields, key=key)
        except PaymentRefused as error:
            line = f'no evidence was drafted: {error}'
            await finish(effect, EffectState.REFUSED, line=line, error=str(error), alerts=True)
            return
        line = f"evidence drafted in {dispute}, not submitted: check and submit it in Stripe's Dashboard"
        await finish(effect, EffectState.DONE, line=line)


def _terms(order: Order, site: Site) -> Section:
    accepted = 'accepted on the payment page' if order.facts.terms_accepted else 'not asked for'
    date = site.updated
    age = 'before' if date <= order.created_at.date() else 'after'
    rows = [
        (
            'Where they were shown',
            f'{order.domain}/terms and {order.domain}/refunds, linked on every page',
        ),
        ('Last changed', f'{date}, {age} the order was placed'),
        ('Acceptance', accepted),
    ]
    if site.offer.refund_rule:
        rows.append(('Said on the payment page', site.offer.refund_rule))
    return Section(
        'Terms',
        (*rows, ('Terms', _text(site.terms)), ('Refunds', _text(site.refunds))),
    )


def _fields(
    order: Order, bookings: tuple[Booking, ...], sections: tuple[Section, ...], site: Site
) -> dict[str, str]:
    """Return Stripe's fields within its limits; nothing is sent for what is not known."""
    by_title = {section.title: section.text for section in sections}
    shown = f'Shown at {order.domain}'
    active = [each for each in bookings if each.state is BookingState.ACTIVE]
    fields = {
        'customer_name': order.facts.name,
        'customer_email_address': order.facts.email,
        'product_description': f'{by_title["What was bought"]}\n{site.business.description}',
        'service_date': ', '.join(f'{each.start:%Y-%m-%d}' for each in active or bookings),
        'refund_policy_disclosure': f'{shown}/refunds\n{_text(site.refunds)}',
        'cancellation_policy_disclosure': f'{shown}/terms\n{_text(site.terms)}',
        'access_activity_log': '\n'.join(
            f'{title}\n{by_title[title]}' for title in ('Visits of our pages', 'Bookings', 'E-mails')
        ),
        'uncategorized_text': '\n\n'.join(
            f'{section.title}\n{section.text}'
            for section in sections
            if section.title in ('Payment', 'Refunds', 'Journal')
        ),
    }
    return within_limits(fields)


def within_limits(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that are not empty, each and all together no longer than Stripe takes."""
    left, kept = LONGEST_EVIDENCE, {}
    for name, text in fields.items():
        if text.strip() and left > len(SHORTENED):
            kept[name] = _shortened(text.strip(), min(longest_field(name), left))
            left -= len(kept[name])
    return kept


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(SHORTENED)] + SHORTENED


def _bought(order: Order) -> Section:
    bought = order.purchase
    rows = (
        ('Order', order.reference),
        ('Bought', bought.title),
        ('Length', f'{bought.minutes} minutes'),
        ('Sessions', str(bought.sessions)),
        ('Price', str(bought.price)),
        ('Ordered', _moment(order.created_at)),
        ('Completed', _moment(order.completed_at)),
        ('How it is delivered', 'an online appointment that the customer picks after the payment'),
    )
    return Section('What was bought', rows)


def _payment(order: Order) -> Section:
    facts, currency = order.facts, order.paid.currency
    rows = {
        'Paid': str(order.paid),
        'Payment': facts.payment_id,
        'Checkout session': order.session_id or '',
        'Name': facts.name,
        'E-mail address': facts.email,
        'Corrected e-mail address': order.contact_email,
        'Telephone': facts.phone,
        'Receipt': facts.receipt_number or facts.receipt_url,
        'Dispute': facts.dispute_status,
        'Disputed': str(Money(facts.amount_disputed, currency)) if facts.amount_disputed else '',
        'Answer before': _moment(facts.dispute_due_at) if facts.dispute_due_at else '',
        'Repeats': order.duplicate_of,
    }
    return Section('Payment', tuple((name, value) for name, value in rows.items() if value))


def _visits(lines: Iterable[JournalLine]) -> tuple[tuple[str, str], ...]:
    rows = tuple(
        (_moment(line.at), f'{line.because}: {line.line}') for line in lines if line.because in VISITS
    )
    return rows or (('Known', 'none'),)


def _booking_rows(bookings: Iterable[Booking]) -> Iterable[tuple[str, str]]:
    for booking in bookings:
        words = [booking.state.value, f'booked by {booking.name} <{booking.email}>', booking.place]
        words.append('the customer did not come' if booking.no_show else '')
        words.append(f'canceled by {booking.canceled_by}' if booking.canceled_by else '')
        words.append(booking.cancel_reason)
        yield f'{_moment(booking.start)} to {booking.end:%H:%M}', ', '.join(filter(None, words))


def _mail_rows(mails: Iterable[MailRecord]) -> Iterable[tuple[str, str]]:
    for mail in mails:
        to = f' to {mail.recipient}' if mail.recipient else ''
        yield _moment(mail.finished_at or mail.due_at), f'"{mail.kind}"{to}: {mail.state}'


def _refund_rows(order: Order, refunds: Iterable[Effect]) -> Iterable[tuple[str, str]]:
    yield 'Refunded', str(Money(order.facts.amount_refunded, order.paid.currency))
    for effect in refunds:
        money = Money(int(effect.details['amount']), str(effect.details['currency']))
        yield _moment(effect.created_at), f'{money}, {effect.details["reason"]}: {effect.state}'


def _line(line: JournalLine) -> str:
    return f'{line.because}{f" ({line.actor})" if line.actor else ""}: {line.line}'


def _text(legal: Legal) -> str:
    return '\n'.join(f'{section.heading}\n{section.text}' for section in legal.sections)


def _moment(time: datetime | None) -> str:
    return f'{time:%Y-%m-%d %H:%M} UTC' if time else 'not known'
