"""The rehearsal: walks an order's whole life, tells each hop with its time, and leaves nothing behind."""

from services.rehearsal.child import Report, rehearse
from services.rehearsal.hops import Hop, Outcome, Part, has_failed
from services.rehearsal.order_life import OrderLife
from services.rehearsal.report import from_json, line_of, outcome_of, to_json
from services.rehearsal.runner import Ended, RehearsalRunner, Schedule, build_runner, parse_time
from services.rehearsal.vendors import VendorLife

__all__ = [
    'Ended',
    'Hop',
    'OrderLife',
    'Outcome',
    'Part',
    'RehearsalRunner',
    'Report',
    'Schedule',
    'VendorLife',
    'build_runner',
    'from_json',
    'has_failed',
    'line_of',
    'outcome_of',
    'parse_time',
    'rehearse',
    'to_json',
]
