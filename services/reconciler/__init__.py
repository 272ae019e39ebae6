"""The reconciler: compares the ledger with Stripe, round after round."""

from services.reconciler.reconciler import Reconciler
from services.reconciler.tasks import tasks

__all__ = ['Reconciler', 'tasks']
