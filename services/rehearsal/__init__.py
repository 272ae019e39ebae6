"""The rehearsal: walks an order's whole life, tells each hop with its time, and leaves nothing behind."""

from services.rehearsal.hops import Hop, Outcome, Part, has_failed
from services.rehearsal.order_life import OrderLife
from services.rehearsal.report import from_json, line_of, to_json
from services.rehearsal.vendors import VendorLife

__all__ = [
    'Hop',
    'OrderLife',
    'Outcome',
    'Part',
    'VendorLife',
    'from_json',
    'has_failed',
    'line_of',
    'to_json',
]
