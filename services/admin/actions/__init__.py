"""The actions of the operator: use cases without pages."""

from services.admin.actions.build import Actions, build_actions
from services.admin.actions.evidence import Evidence, EvidenceActions, EvidenceEffects
from services.admin.actions.meetings import MeetingActions
from services.admin.actions.orders import OrderActions
from services.admin.actions.refunds import RefundActions, RefundEffects, RefundReason, RefundWish
from services.admin.actions.results import Result
from services.ledger import Source, UnmatchedReason

__all__ = [
    'Actions',
    'Evidence',
    'EvidenceActions',
    'EvidenceEffects',
    'MeetingActions',
    'OrderActions',
    'RefundActions',
    'RefundEffects',
    'RefundReason',
    'RefundWish',
    'Result',
    'Source',
    'UnmatchedReason',
    'build_actions',
]
