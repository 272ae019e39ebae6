"""Finding orders again by their e-mail address: what is mailed, to whom, and how often."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.errors import InvalidEmail, TooManyRequests
from services.ledger import Ledger
from services.orders import Cause, Environment, Order
from services.shop import Shop
from tests.factories import NOON, PAID, an_order
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, fulfilled, on_both_databases
from tests.services.mailing import rows_of, send_all

pytestmark = on_both_databases
PAT = 'pat@example.com'


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """Return the settings of a shop that mails to the sandbox."""
    return settings_env | sandbox.mail_settings


async def mails_for(shop: Shop, sandbox: SandboxClient, typed: str) -> list[str]:
    """Ask for the links of an address; return the texts of the mails that this causes."""
    await send_all(shop)
    before = len(sandbox.mails())
    await shop.find_orders.request_links(typed)
    await send_all(shop)
    return [mail['text'] for mail in sandbox.mails()[before:]]


async def test_the_links_go_to_the_address_that_paid(
    customer: Customer, other_customer: Customer, sandbox: SandboxClient
) -> None:
    """All orders are in one mail, the newest first, however the address is spelled."""
    first = await fulfilled(customer, await customer.buy(email='Pat@Example.com'))
    second = await fulfilled(other_customer, await other_customer.buy(email=PAT))
    (text,) = await mails_for(customer.shop, sandbox, ' PAT@example.COM ')
    places = [text.index(f'/order/{order.token}\n') for order in (second, first)]
    assert places == sorted(places)
    assert sandbox.mails()[-1]['to'].lower() == PAT


async def test_an_unknown_address_leaves_the_same_row_and_gets_nothing(
    customer: Customer, sandbox: SandboxClient
) -> None:
    """Both requests write one row of the same kind; they differ only in the address."""
    await fulfilled(customer, await customer.buy(email=PAT))
    await send_all(customer.shop)
    before = {row.id for row in await rows_of(customer.shop)}
    for email in (PAT, 'nobody@example.com'):
        await customer.shop.find_orders.request_links(email)
    rows = [row for row in await rows_of(customer.shop) if row.id not in before]
    assert sorted(row.recipient for row in rows) == ['nobody@example.com', PAT]
    assert {(row.kind, row.state, row.order_id, row.tries, row.last_error) for row in rows} == {
        ('links', 'wanted', None, 0, '')
    }
    await send_all(customer.shop)
    assert [mail['to'] for mail in sandbox.mails() if 'link' in mail['subject']] == [PAT]


@pytest.mark.parametrize('typed', ['', 'pat', 'pat@', '@example.com', 'pat@example', 'a@b.c\r\nBcc: d@e.f'])
async def test_what_is_no_address_is_refused(shop: Shop, typed: str) -> None:
    """Nothing is written down for it."""
    with pytest.raises(InvalidEmail):
        await shop.find_orders.request_links(typed)
    assert await rows_of(shop) == []


async def test_one_address_gets_few_mails(shop: Shop) -> None:
    """Above the limit nothing is written down, and nothing is said; other addresses are not affected."""
    for email in [PAT, 'Pat@example.com', *[PAT] * 5, 'sam@example.com']:
        await shop.find_orders.request_links(email)
    recipients = sorted(row.recipient.lower() for row in await rows_of(shop))
    assert recipients == [PAT, PAT, PAT, 'sam@example.com']


async def test_one_client_asks_a_few_times_a_minute(shop: Shop) -> None:
    """The limit counts malformed addresses as well."""
    for number in range(3):
        await shop.find_orders.request_links(f'pat{number}@example.com', client_ip='203.0.113.7')
        with pytest.raises(InvalidEmail):
            await shop.find_orders.request_links('pat', client_ip='203.0.113.7')
    with pytest.raises(TooManyRequests):
        await shop.find_orders.request_links(PAT, client_ip='203.0.113.7')
    await shop.find_orders.request_links(PAT, client_ip='198.51.100.7')


HERE = Environment('test', 'acct_1')


async def _add(ledger: Ledger, number: int, **changes: object) -> Order:
    unique = {name: f'{name}{number}' for name in ('id', 'reference', 'token', 'booking_key')}
    order = an_order(
        **{
            'environment': HERE,
            'facts': replace(PAID, email=PAT),
            'completed_at': NOON + timedelta(minutes=number),
            **unique,
            **changes,
        }
    )
    assert await ledger.orders.add(order, because=Cause.BUTTON)
    return order


async def test_only_paid_orders_of_this_environment_are_found(shop: Shop) -> None:
    """Orders of other environments, unfinished and failed ones are not; the newest come first."""
    ledger = shop.ledger
    first, second = await _add(ledger, 1), await _add(ledger, 2, environment=Environment('test'))
    await _add(ledger, 3, environment=Environment('live', 'acct_1'))
    await _add(ledger, 4, environment=Environment('test', 'acct_2'))
    await _add(ledger, 5, completed_at=None)
    await _add(ledger, 6, facts=replace(PAID, email=PAT, payment_status='unpaid', payment_failed=True))
    await _add(ledger, 7, facts=replace(PAID, email='sam@example.com'))
    found = await ledger.orders.find_paid_by(PAT, HERE, limit=10)
    assert [order.id for order in found] == [second.id, first.id]
    assert len(await ledger.orders.find_paid_by(PAT, HERE, limit=1)) == 1


async def test_a_corrected_address_finds_the_order_and_the_mistyped_one_does_not(shop: Shop) -> None:
    """The mistyped address may be a stranger's."""
    order = await _add(shop.ledger, 1, contact_email='Right@example.com')
    assert [
        found.id for found in await shop.ledger.orders.find_paid_by('right@example.com', HERE, limit=9)
    ] == [order.id]
    assert await shop.ledger.orders.find_paid_by(PAT, HERE, limit=9) == ()
