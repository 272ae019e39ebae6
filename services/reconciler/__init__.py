"""The reconciler: compares the ledger with Stripe, round after round."""

from services.reconciler.reconciler import Reconciler

__all__ = ['Reconciler']
