"""What is exported, in which form, and what must not be in it; while the shop is running."""

import csv
import io
import json
import os
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.admin.export import Exports, Form, Subject
from services.database import schema
from services.ledger import Period
from services.ledger.mapping import values_of
from services.money import Money
from services.orders import Cause, Facts
from services.shop import Shop
from tests.factories import A_PURCHASE, NOON, PAID, a_booking, an_order
from tests.processes import ROOT
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases

pytestmark = on_both_databases
EVER = Period()


async def exported(shop: Shop, subject: Subject, form: Form = Form.CSV, period: Period = EVER) -> str:
    """Return an export as one text."""
    pieces = [piece async for piece in Exports(shop.ledger).write(subject, form, period)]
    return b''.join(pieces).decode()


def rows_of(text: str) -> list[dict[str, str]]:
    """Read CSV as a program does."""
    return list(csv.DictReader(io.StringIO(text.removeprefix('\ufeff'), newline='')))


def numbered(number: int, **changes: Any) -> Any:
    """Return an order with keys of its own."""
    name = f'{number:04}'
    return an_order(id=name, reference=name, token=name, booking_key=name, **changes)


async def test_an_order_as_csv_and_json(customer: Customer) -> None:
    """Amounts are numbers beside their currency, times are UTC, and both forms say the same."""
    paid = await fulfilled(customer, await customer.buy(name='Renée "R" O’Neil', email='r@coach.test'))
    (row,) = rows_of(await exported(customer.shop, Subject.ORDERS))
    (item,) = json.loads(await exported(customer.shop, Subject.ORDERS, Form.JSON), parse_float=Decimal)
    expected = {
        'reference': paid.reference,
        'state': 'paid',
        'name': 'Renée "R" O’Neil',
        'email': 'r@coach.test',
    }
    expected |= {'payment_id': paid.facts.payment_id}
    assert {name: row[name] for name in expected} == {name: item[name] for name in expected} == expected
    assert (row['charged'], item['charged']) == ('150.00', Decimal('150.00'))
    assert datetime.fromisoformat(row['created_at']) == paid.created_at.replace(microsecond=0)
    assert row['created_at'] == item['created_at']
    assert row['created_at'].endswith('Z')


@pytest.mark.parametrize(
    ('currency', 'amount', 'written'),
    [('usd', 14_950, '149.50'), ('jpy', 15_000, '15000'), ('kwd', 12_345, '12.345'), ('usd', 5, '0.05')],
)
async def test_amounts_have_the_decimals_of_their_currency(
    shop: Shop, currency: str, amount: int, written: str
) -> None:
    """As a number without a sign for the currency, and without rounding."""
    purchase = A_PURCHASE.__class__(**{**vars(A_PURCHASE), 'price': Money(amount, currency)})
    facts = Facts('complete', 'paid', amount, amount, seen_currency=currency)
    await shop.ledger.orders.add(an_order(purchase=purchase, facts=facts), because=Cause.BUTTON)
    (row,) = rows_of(await exported(shop, Subject.ORDERS))
    assert (row['price'], row['charged'], row['currency']) == (written, written, currency.upper())
    assert f'"charged": {written},' in await exported(shop, Subject.ORDERS, Form.JSON)


async def test_nothing_secret_is_exported(customer: Customer) -> None:
    """No token, no key, no session, no link, no hash of a cookie: nothing that opens anything."""
    shop, order = customer.shop, await fulfilled(customer, await customer.buy())
    url = await shop.calendar.url(order)
    booking = a_booking(cancel_url='https://calendly.com/cancellations/1', place='https://meet.example/1')
    await shop.ledger.bookings.put(order, booking, because=Cause.WEBHOOK)
    order = await customer.order_of(order.session_id or '')
    secrets = [order.token, order.booking_key, order.browser_hash, str(order.session_id), str(url)]
    secrets += [order.facts.card_fingerprint, order.facts.receipt_url, booking.cancel_url, booking.place]
    for subject in Subject:
        for form in Form:
            text = await exported(shop, subject, form)
            assert order.reference in text
            assert [secret for secret in secrets if secret in text] == []


async def test_bookings_and_journal(customer: Customer) -> None:
    """Each row names its order."""
    shop, order = customer.shop, await fulfilled(customer, await customer.buy())
    await shop.ledger.bookings.put(order, a_booking(name='=1+1'), because=Cause.WEBHOOK)
    (booking,) = rows_of(await exported(shop, Subject.BOOKINGS))
    assert (booking['reference'], booking['state'], booking['name']) == (order.reference, 'active', "'=1+1")
    assert booking['start'] == NOON.strftime('%Y-%m-%dT%H:%M:%SZ')
    lines = rows_of(await exported(shop, Subject.JOURNAL))
    known = await shop.ledger.journal.lines(order.id)
    assert [(line['because'], line['line']) for line in lines] == [
        (each.because, each.line) for each in known
    ]
    assert {line['reference'] for line in lines} == {order.reference}


@pytest.mark.parametrize('subject', list(Subject))
async def test_every_row_of_a_period_once(
    shop: Shop, clock: Clock, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, also where many have the same time, across pages, and not one outside the period."""
    monkeypatch.setattr('services.ledger.exports.ROWS', 3)
    monkeypatch.setattr('services.ledger.exports.IDS', 4)
    begun = datetime.now(UTC)
    for number in range(20):
        clock.ahead = timedelta(days=number // 7)  # seven orders have one day
        at = NOON + clock.ahead
        order = numbered(number, created_at=at)
        await shop.ledger.orders.add(order, because=Cause.BUTTON)
        booking = a_booking(invitee_id=f'{number:04}', start=at, end=at + timedelta(hours=1))
        await shop.ledger.bookings.put(order, booking, because=Cause.WEBHOOK)
    everything = rows_of(await exported(shop, subject))
    references = sorted(f'{number:04}' for number in range(20))
    assert sorted({row['reference'] for row in everything}) == references
    assert len(everything) == 20 if subject is not Subject.JOURNAL else len(everything) >= 40
    first = NOON if subject is not Subject.JOURNAL else begun
    second_day = Period(first + timedelta(days=1), first + timedelta(days=1, hours=1))
    found = [row['reference'] for row in rows_of(await exported(shop, subject, period=second_day))]
    assert sorted(set(found)) == references[7:14]
    assert len(set(found)) == len(found) or subject is Subject.JOURNAL


@pytest.mark.parametrize('subject', list(Subject))
async def test_an_empty_export(shop: Shop, subject: Subject) -> None:
    """It has the names of the columns, and is valid JSON."""
    assert json.loads(await exported(shop, subject, Form.JSON)) == []
    assert len((await exported(shop, subject)).splitlines()) == 1


async def test_an_order_that_is_made_during_an_export_does_no_harm(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two reads nothing is locked, and what is written then comes later in the same export."""
    monkeypatch.setattr('services.ledger.exports.ROWS', 1)
    for number in range(2):
        await shop.ledger.orders.add(numbered(number), because=Cause.BUTTON)
    pieces = Exports(shop.ledger).write(Subject.ORDERS, Form.CSV, EVER)
    text = b''
    async for piece in pieces:
        if not text.count(b'0002'):
            await shop.ledger.orders.add(numbered(2, created_at=NOON + timedelta(1)), because=Cause.BUTTON)
        text += piece
    assert [row['reference'] for row in rows_of(text.decode())] == ['0000', '0001', '0002']


async def test_memory_does_not_grow_with_the_ledger(shop: Shop) -> None:
    """An export of 3,000 orders holds a page of them at a time."""
    orders = (numbered(number, facts=PAID) for number in range(3000))
    rows = [values_of(order) | {'next_check': None, 'delete_at': None} for order in orders]
    await shop.ledger.store.write(lambda connection: connection.execute(schema.orders.insert(), rows))
    rows.clear()
    tracemalloc.start()
    try:
        size = 0
        async for piece in Exports(shop.ledger).write(Subject.ORDERS, Form.CSV, EVER):
            size += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 400_000
    assert peak < 1_500_000


def files_in(folder: Path, word: str) -> list[str]:
    """Return the names of files that contain a word."""
    return [file.name for file in folder.iterdir() if word in file.name]


def run_export(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as the operator does."""
    command = [sys.executable, 'main.py', 'export', *arguments]
    environment = {'PATH': os.environ['PATH']} | settings
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


async def test_the_command_beside_a_running_shop(
    customer: Customer, settings_env: dict[str, str], tmp_path: Path
) -> None:
    """To the standard output, or to a new file that only this user may read and that is never overwritten."""
    order = await fulfilled(customer, await customer.buy())
    printed = run_export(settings_env, 'orders')
    assert (printed.returncode, printed.stderr) == (0, '')
    assert [row['reference'] for row in rows_of(printed.stdout)] == [order.reference]
    file = tmp_path / 'orders.json'
    arguments = (
        'orders',
        '--format',
        'json',
        '--from',
        f'{order.created_at:%Y-%m-%d}',
        '--output',
        str(file),
    )
    done = run_export(settings_env, *arguments)
    assert (done.returncode, done.stdout) == (0, f'The orders were written to {file}.\n')
    assert [item['reference'] for item in json.loads(file.read_text())] == [order.reference]
    assert file.stat().st_mode & 0o077 == 0
    assert not files_in(tmp_path, '.orders')
    before = file.read_bytes()
    again = run_export(settings_env, *arguments)
    assert again.returncode == 2
    assert 'exists already' in again.stdout
    assert file.read_bytes() == before


async def test_the_command_without_a_ledger(settings_env: dict[str, str], tmp_path: Path) -> None:
    """It says so, makes no database, and leaves no file behind."""
    settings = settings_env | {'DATABASE_URL': f'sqlite:///{tmp_path}/none.db'}
    result = run_export(settings, 'journal', '--output', str(tmp_path / 'journal.csv'))
    assert result.returncode == 2
    assert 'there is no database at' in result.stdout
    assert not [*files_in(tmp_path, 'none'), *files_in(tmp_path, 'journal')]
    assert run_export(settings, 'orders', '--from', 'today').returncode == 2
