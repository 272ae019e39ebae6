"""The admin: what the operator does with orders, without pages."""

from services.admin.actions import Actions, build_actions
from services.admin.evidence import Evidence, EvidenceActions, EvidenceEffects
from services.admin.meetings import MeetingActions
from services.admin.orders import OrderActions
from services.admin.refunds import RefundActions, RefundEffects, RefundReason, RefundWish
from services.admin.results import Result

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
    'build_actions',
]
