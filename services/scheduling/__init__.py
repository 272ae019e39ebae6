"""Calendly: the only package that knows its API."""

from services.scheduling.bookings import BookingUpdate, read_update, signed_update
from services.scheduling.client import Scheduling

__all__ = ['BookingUpdate', 'Scheduling', 'read_update', 'signed_update']
