"""Calendly: the only package that knows its API."""

from services.scheduling.bookings import BookingUpdate, read_id, read_kind, read_update
from services.scheduling.cancellations import CancelResult
from services.scheduling.check import NOTHING_FREE, CalendarProblem
from services.scheduling.client import Scheduling
from services.scheduling.links import SingleUseLink
from services.scheduling.shares import ShareStatus
from services.scheduling.signature import check_signature

__all__ = [
    'NOTHING_FREE',
    'BookingUpdate',
    'CalendarProblem',
    'CancelResult',
    'Scheduling',
    'ShareStatus',
    'SingleUseLink',
    'check_signature',
    'read_id',
    'read_kind',
    'read_update',
]
