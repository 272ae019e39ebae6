"""The reconciler: compares the ledger with Stripe, round after round; beside it, what asks Calendly."""

from services.reconciler.booking_reader import BookingReader
from services.reconciler.calendar_watch import CalendarWatch
from services.reconciler.effects import EffectRunner
from services.reconciler.reconciler import Reconciler
from services.reconciler.subscription_watch import SubscriptionWatch
from services.reconciler.tasks import tasks

__all__ = [
    'BookingReader',
    'CalendarWatch',
    'EffectRunner',
    'Reconciler',
    'SubscriptionWatch',
    'tasks',
]
