"""The reconciler: compares the ledger with Stripe, round after round; beside it, the calendar watch."""

from services.reconciler.calendar_watch import CalendarWatch
from services.reconciler.effects import EffectRunner
from services.reconciler.reconciler import Reconciler
from services.reconciler.tasks import tasks

__all__ = ['CalendarWatch', 'EffectRunner', 'Reconciler', 'tasks']
