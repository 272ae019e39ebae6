"""Days in the time zone of the shop."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from services.ledger.totals import Span


def day_begins(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins in a zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def span_of(day: date, zone: tzinfo, *, days: int = 1) -> Span:
    """Return the span of some days, which begin with this one; a day may have 23 or 25 hours."""
    return Span(day_begins(day, zone), day_begins(day + timedelta(days=days), zone))
