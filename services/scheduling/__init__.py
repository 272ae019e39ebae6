"""Calendly: the only package that knows its API."""

from services.scheduling.bookings import BookingUpdate, read_id, read_kind, read_update
from services.scheduling.build import build_scheduling
from services.scheduling.cancellations import CancelResult
from services.scheduling.check import NOTHING_FREE, PUBLIC_LINK, CalendarProblem, problem_of_error
from services.scheduling.client import Scheduling
from services.scheduling.event_types import ListedEventType
from services.scheduling.links import SingleUseLink
from services.scheduling.scheduled_events import ScheduledEvent
from services.scheduling.scopes import SCOPES
from services.scheduling.shares import ShareStatus
from services.scheduling.signature import check_signature
from services.scheduling.subscriptions import Subscription

__all__ = [
    'NOTHING_FREE',
    'PUBLIC_LINK',
    'SCOPES',
    'BookingUpdate',
    'CalendarProblem',
    'CancelResult',
    'ListedEventType',
    'ScheduledEvent',
    'Scheduling',
    'ShareStatus',
    'SingleUseLink',
    'Subscription',
    'build_scheduling',
    'check_signature',
    'problem_of_error',
    'read_id',
    'read_kind',
    'read_update',
]
