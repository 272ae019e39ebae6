"""Calendly: the only package that knows its API."""

from services.scheduling.bookings import Meeting, read_meeting, signed_meeting
from services.scheduling.client import Scheduling

__all__ = ['Meeting', 'Scheduling', 'read_meeting', 'signed_meeting']
