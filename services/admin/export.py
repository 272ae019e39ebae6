"""Export: orders, bookings or journal of a period as CSV or JSON, as a stream of small pieces.

Nothing in it opens anything: no token, no session, no link, no cookie. Amounts are numbers in the currency's
main unit beside a column that names the currency, times are UTC.
"""

import asyncio
import csv
import enum
import io
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.ledger import JournalLine, Ledger, Period
from services.money import Money
from services.orders import Booking, Order

Cell = str | int | Decimal | datetime | None
Columns = Mapping[str, Callable[[Any], Cell]]

FORMULA = '=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'  # the last four are wide forms of the first four
"""What a text must not begin with: a spreadsheet would run it as a formula (owasp.org, CSV injection)."""
BOM = '\ufeff'  # without it Excel reads the file in the computer's own encoding
REST = 1.0  # pause after each piece, in times of what it took: customers come first


class Subject(enum.StrEnum):
    """What is exported."""

    ORDERS = 'orders'
    BOOKINGS = 'bookings'
    JOURNAL = 'journal'


class Form(enum.StrEnum):
    """How it is written: CSV for spreadsheets, or one JSON array with an object in each line."""

    CSV = 'csv'
    JSON = 'json'


MEDIA_TYPES = {Form.CSV: 'text/csv; charset=utf-8', Form.JSON: 'application/json'}


def parse_period(first: str, last: str) -> Period:
    """Return the period from one day to another, both included, in UTC; '' is no limit.

    Args:
        first: the first day, such as 2026-11-01.
        last: the last day.

    Raises:
        ValueError: in words, if one of them is no day, or they are the wrong way round.
    """
    since, day_of_last = _day(first), _day(last)
    if since and day_of_last and since > day_of_last:
        raise ValueError(f'{first} is after {last}')
    return Period(since, day_of_last + timedelta(days=1) if day_of_last else None)


def file_name(subject: Subject, form: Form, first: str = '', last: str = '') -> str:
    """Return what the file is called; the days are those of `parse_period`."""
    days = [f'from-{first}'] * bool(first) + [f'to-{last}'] * bool(last)
    return f'{"-".join(["paidslot", subject, *days])}.{form}'


class Exports:
    """Writes exports. Those of one process take turns, so that several cost customers no more than one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = asyncio.Lock()

    async def write(self, subject: Subject, form: Form, period: Period) -> AsyncIterator[bytes]:
        """Write an export, piece by piece, with a pause after each in which others are served.

        Args:
            subject: what is exported.
            form: how it is written.
            period: orders by when they were made, bookings by when they begin, journal lines by their time.
        """
        columns = COLUMNS[subject]
        yield (BOM + to_csv([columns]) if form is Form.CSV else '[').encode()
        pages: AsyncIterator[list[Any]] = getattr(self._ledger.exports, subject)(period)
        comma = ''
        while True:
            async with self._turn:
                started = time.perf_counter()
                page = await anext(pages, None)
                if page is None:
                    break
                cells = [[cell(row) for cell in columns.values()] for row in page]
                text = to_csv(cells) if form is Form.CSV else f'{comma}\n{to_json(columns, cells)}'
                await asyncio.sleep(REST * (time.perf_counter() - started))
            yield text.encode()
            comma = ','
        if form is Form.JSON:
            yield b'\n]\n'


def to_csv(rows: Iterable[Iterable[Cell]]) -> str:
    """Write rows as CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows([_csv_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _csv_cell(cell: Cell) -> str:
    """Write a cell; a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(cell, str):
        # Some spreadsheets ignore blanks at the beginning.
        is_formula = any(first in FORMULA for first in (*cell[:1], *cell.lstrip()[:1]))
        return f"'{cell}" if is_formula else cell
    return _plain(cell) if cell is not None else ''


def to_json(columns: Iterable[str], rows: Iterable[Iterable[Cell]]) -> str:
    """Write rows as JSON objects, one in a line. Decimals are written as they are, never as floats."""
    names = [json.dumps(name) for name in columns]
    objects = (
        ', '.join(f'{name}: {_json_cell(cell)}' for name, cell in zip(names, row, strict=True))
        for row in rows
    )
    return ',\n'.join(f'{{{each}}}' for each in objects)


def _json_cell(cell: Cell) -> str:
    if cell is None:
        return 'null'
    if isinstance(cell, str | datetime):
        return json.dumps(cell if isinstance(cell, str) else _plain(cell), ensure_ascii=False)
    return _plain(cell)


def _plain(cell: int | Decimal | datetime) -> str:
    """Write a number, yes or no as true or false, or a time in UTC."""
    if isinstance(cell, bool):
        return 'true' if cell else 'false'
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec='seconds').removesuffix('+00:00') + 'Z'
    return str(cell)


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'{text!r} is no day; write it like 2026-11-30') from error
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _charged(order: Order, amount: int | None) -> Decimal | None:
    """Return an amount that was seen at Stripe, in the main unit of the currency that was charged."""
    return None if amount is None else Money(amount, _currency(order)).major


def _currency(order: Order) -> str:
    return order.facts.seen_currency or order.purchase.price.currency


def _from_booking(name: str) -> Callable[[tuple[str, Booking]], Cell]:
    return lambda row: getattr(row[1], name)


def _from_line(name: str) -> Callable[[tuple[str, JournalLine]], Cell]:
    return lambda row: getattr(row[1], name)


ORDERS: Columns = {
    'created_at': lambda order: order.created_at,
    'reference': lambda order: order.reference,
    'state': lambda order: order.state,
    'environment': lambda order: order.environment.mode,
    'account': lambda order: order.environment.account,
    'offer': lambda order: order.purchase.offer,
    'title': lambda order: order.purchase.title,
    'minutes': lambda order: order.purchase.minutes,
    'sessions': lambda order: order.purchase.sessions,
    'price': lambda order: order.purchase.price.major,
    'price_currency': lambda order: order.purchase.price.currency.upper(),
    'completed_at': lambda order: order.completed_at,
    'charged': lambda order: _charged(order, order.facts.amount_total),
    'discount': lambda order: _charged(order, order.facts.amount_discount),
    'tax': lambda order: _charged(order, order.facts.amount_tax),
    'refunded': lambda order: _charged(order, order.facts.amount_refunded),
    'disputed': lambda order: _charged(order, order.facts.amount_disputed),
    'lost': lambda order: _charged(order, order.facts.amount_lost),
    'currency': lambda order: _currency(order).upper(),
    'payment_status': lambda order: order.facts.payment_status,
    'dispute_status': lambda order: order.facts.dispute_status,
    'dispute_due_at': lambda order: order.facts.dispute_due_at,
    'mismatch': lambda order: order.facts.mismatch,
    'fraud_warning': lambda order: order.fraud_warning,
    'duplicate_of': lambda order: order.duplicate_of,
    'terms_accepted': lambda order: order.facts.terms_accepted,
    'name': lambda order: order.facts.name,
    'email': lambda order: order.email,
    'phone': lambda order: order.facts.phone,
    'payment_id': lambda order: order.facts.payment_id,
    'price_id': lambda order: order.purchase.price_id,
    'receipt_number': lambda order: order.facts.receipt_number,
}
BOOKINGS: Columns = {
    'start': _from_booking('start'),
    'end': _from_booking('end'),
    'reference': lambda row: row[0],
    'state': _from_booking('state'),
    'no_show': _from_booking('no_show'),
    'timezone': _from_booking('timezone'),
    'name': _from_booking('name'),
    'email': _from_booking('email'),
    'phone': _from_booking('phone'),
    'canceled_by': _from_booking('canceled_by'),
    'cancel_reason': _from_booking('cancel_reason'),
    'calendly_id': _from_booking('invitee_id'),
    'replaces': _from_booking('replaces'),
}
JOURNAL: Columns = {
    'at': _from_line('at'),
    'reference': lambda row: row[0],
    'version': _from_line('version'),
    'because': _from_line('because'),
    'actor': _from_line('actor'),
    'line': _from_line('line'),
}
COLUMNS: Mapping[Subject, Columns] = {
    Subject.ORDERS: ORDERS,
    Subject.BOOKINGS: BOOKINGS,
    Subject.JOURNAL: JOURNAL,
}
