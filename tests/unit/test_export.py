"""How an export writes its cells: safe against formulas, numbers as numbers."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.admin.export import FORMULA, Form, Subject, file_name, parse_period, to_csv, to_json
from services.ledger import Period

CELLS = st.one_of(
    st.text(),
    st.tuples(st.sampled_from(FORMULA + ' \u3000"\',;'), st.text()).map(''.join),
    st.tuples(st.sampled_from([' ', '\t ', '\u00a0']), st.sampled_from(FORMULA), st.text()).map(''.join),
)


@given(st.lists(CELLS, min_size=1, max_size=6))
def test_a_text_cell_is_never_a_formula(cells: list[str]) -> None:
    """It is read back as it was, or with one apostrophe before it, and does not begin like a formula."""
    (row,) = csv.reader(io.StringIO(to_csv([cells]), newline=''))
    assert len(row) == len(cells)
    for written, cell in zip(row, cells, strict=True):
        assert written in (cell, f"'{cell}")
        assert not written or written[0] not in FORMULA
        assert not written.strip() or written.strip()[0] not in FORMULA


@given(st.decimals(-(10**12), 10**12, places=2), st.integers(), st.booleans())
def test_a_number_stays_a_number(amount: Decimal, number: int, flag: bool) -> None:
    """In both forms, without an apostrophe and without an exponent, negative ones too."""
    assert to_csv([[amount, number]]) == f'{amount:f},{number}\r\n'
    assert json.loads(to_json(['name'], [[amount]]), parse_float=Decimal) == {'name': amount}
    assert json.loads(to_json(['name'], [[flag]]))['name'] is flag


@pytest.mark.parametrize(
    ('first', 'last'), [('yesterday', ''), ('', '2026-13-01'), ('2026-11-02', '2026-11-01')]
)
def test_a_wrong_period_is_refused_in_words(first: str, last: str) -> None:
    """And days are whole ones, in UTC, both included."""
    with pytest.raises(ValueError, match=r'is no day|is after'):
        parse_period(first, last)
    assert parse_period('2026-11-01', '2026-11-01') == Period(
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    )
    assert file_name(Subject.ORDERS, Form.CSV, '2026-11-01') == 'paidslot-orders-from-2026-11-01.csv'
