"""Correcting the e-mail address of an order: once an hour, journalled, told to both addresses."""

import asyncio
from datetime import timedelta

import pytest

from services.errors import CorrectedJustNow, InvalidEmail
from services.orders import Cause, Order
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.mailing import send_all

pytestmark = on_both_databases
WRONG, RIGHT = 'pta@example.com', 'pat@example.com'


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """Return the settings of a shop that mails to the sandbox."""
    return settings_env | sandbox.mail_settings


@pytest.fixture
async def order(customer: Customer) -> Order:
    """Return an order that was paid with a mistyped address."""
    return await fulfilled(customer, await customer.buy(email=WRONG))


async def correct(customer: Customer, order: Order, typed: str) -> Order:
    """Correct the address on the page."""
    return await customer.shop.correct_email.correct(order, typed, because=Cause.PAGE)


async def test_both_addresses_are_told_and_the_journal_says_who(
    customer: Customer, order: Order, sandbox: SandboxClient
) -> None:
    """The new address gets the link; the old one, which may be a stranger's, neither link nor new address."""
    await send_all(customer.shop)
    before = len(sandbox.mails())
    corrected = await correct(customer, order, f' {RIGHT} ')
    assert (corrected.email, corrected.facts.email) == (RIGHT, WRONG)
    await send_all(customer.shop)
    old, new = sorted(sandbox.mails()[before:], key=lambda mail: mail['to'] == RIGHT)
    assert (old['to'], new['to']) == (WRONG, RIGHT)
    assert f'/order/{order.token}\n' in new['text']
    assert '/order/' not in old['text'] + old['html']
    assert RIGHT not in old['text'] + old['html']
    assert order.reference in old['subject']
    line = (await customer.shop.ledger.journal.lines(order.id))[-1]
    assert (line.because, line.actor) == (Cause.PAGE, 'customer')
    assert line.line == f'e-mail address corrected from {WRONG} to {RIGHT}'


async def test_mails_that_wait_and_the_calendar_use_the_corrected_address(
    customer: Customer, order: Order, sandbox: SandboxClient
) -> None:
    """A mail that was written down before goes to the new address; what Stripe says later changes nothing."""
    await correct(customer, order, RIGHT)
    again = await fulfilled(customer, order)
    assert again.email == RIGHT
    await send_all(customer.shop)
    assert [mail['to'] for mail in sandbox.mails() if mail['subject'].startswith('You have paid')] == [RIGHT]
    assert 'email=pat%40example.com' in customer.shop.scheduling.url_for(again)


async def test_one_correction_an_hour(customer: Customer, order: Order, clock: Clock) -> None:
    """The same address again is no correction; after an hour another one is."""
    order = await correct(customer, order, RIGHT)
    assert await correct(customer, order, RIGHT.upper()) == order
    with pytest.raises(CorrectedJustNow):
        await correct(customer, order, 'sam@example.com')
    clock.ahead = timedelta(minutes=61)
    assert (await correct(customer, order, 'sam@example.com')).email == 'sam@example.com'


async def test_two_corrections_at_once(customer: Customer, order: Order, sandbox: SandboxClient) -> None:
    """One of them counts, and each address gets one mail about it."""
    results = await asyncio.gather(
        *(correct(customer, order, typed) for typed in (RIGHT, 'sam@example.com')), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ['CorrectedJustNow', 'Order']
    await send_all(customer.shop)
    assert len([mail for mail in sandbox.mails() if mail['subject'].startswith('Mail about order')]) == 2


@pytest.mark.parametrize('typed', ['', 'pat', 'pat@example', 'a b@example.com', 'a@b.c\r\nBcc: d@e.f'])
async def test_what_is_no_address_is_refused(customer: Customer, order: Order, typed: str) -> None:
    """Nothing is written down."""
    with pytest.raises(InvalidEmail):
        await correct(customer, order, typed)
    assert await customer.shop.ledger.orders.find(id=order.id) == order
