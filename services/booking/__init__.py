"""Booking: the calendar links of paid orders, and the meetings that came of them."""

from services.booking.effects import CalendarEffects
from services.booking.links import CalendarLinks
from services.booking.recorder import BookingRecorder
from services.booking.waiting import WaitingPages, WaitsFor

__all__ = ['BookingRecorder', 'CalendarEffects', 'CalendarLinks', 'WaitingPages', 'WaitsFor']
