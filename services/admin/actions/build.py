"""The operator's actions together, as the shop hands them to the pages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.admin.actions.evidence import EvidenceActions, EvidenceEffects
from services.admin.actions.meetings import MeetingActions
from services.admin.actions.orders import OrderActions
from services.admin.actions.refunds import RefundActions, RefundEffects
from services.booking import BookingRecorder, CalendarLinks
from services.correct_email import CorrectEmail
from services.fulfilment import Fulfilment
from services.ledger import Effect, EffectKind, Ledger
from services.payments import Payments
from services.scheduling import Scheduling
from services.site import Site


@dataclass(frozen=True)
class Actions:
    """Everything the operator can do; each returns a `Result` and does nothing more when it is repeated.

    ``actor`` names the sign-in in the journal. ``form`` is a random id that each page makes for its form, so
    that a double click is one action. ``handlers`` carry out what the actions write down.
    """

    orders: OrderActions
    refunds: RefundActions
    meetings: MeetingActions
    evidence: EvidenceActions
    handlers: Mapping[EffectKind, Callable[[Effect], Awaitable[None]]]


def build_actions(
    *,
    ledger: Ledger,
    payments: Payments,
    fulfilment: Fulfilment,
    calendar: CalendarLinks,
    recorder: BookingRecorder,
    scheduling: Scheduling,
    correct_email: CorrectEmail,
    site_at: Callable[[datetime], Awaitable[Site]],
    sends_mail: bool,
    clock: Callable[[], datetime],
) -> Actions:
    """Wire the actions; nothing is requested yet.

    Args:
        ledger: has the orders.
        payments: refunds, and has the disputes.
        fulfilment: reads payments.
        calendar: makes calendar links.
        recorder: reads bookings.
        scheduling: cancels meetings.
        correct_email: corrects addresses.
        site_at: returns the texts that were shown at a time.
        sends_mail: whether customers get mail from this shop.
        clock: the present time in UTC.
    """
    evidence = EvidenceActions(ledger, site_at)
    return Actions(
        orders=OrderActions(
            ledger=ledger,
            fulfilment=fulfilment,
            calendar=calendar,
            recorder=recorder,
            scheduling=scheduling,
            correct_email=correct_email,
            sends_mail=sends_mail,
        ),
        refunds=RefundActions(ledger, fulfilment),
        meetings=MeetingActions(ledger, scheduling, clock=clock),
        evidence=evidence,
        handlers={
            **RefundEffects(ledger, payments, fulfilment).handlers,
            **EvidenceEffects(ledger, payments, evidence).handlers,
        },
    )
