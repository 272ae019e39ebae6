"""Calendly: the only package that knows its API."""

from services.scheduling.bookings import BookingUpdate, read_update
from services.scheduling.check import CalendarProblem
from services.scheduling.client import Scheduling
from services.scheduling.signature import signed_update

__all__ = ['BookingUpdate', 'CalendarProblem', 'Scheduling', 'read_update', 'signed_update']
