"""Mails whose server is down, refuses, answers nothing, or whose process dies: told apart, and sent once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.ledger import MailState
from services.orders import Cause
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, on_both_databases
from tests.services.mailing import OPERATOR, alerts_of, mails_of, paid, send_all, sender_of

pytestmark = on_both_databases


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """Return the settings of a shop that mails to the sandbox."""
    return settings_env | sandbox.mail_settings


async def test_a_server_that_is_down_loses_and_repeats_nothing(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """While it is down one mail is tried after growing pauses; then all go out, each once."""
    shop = customer.shop
    await paid(customer, email='pat@example.com')
    for _ in range(30):
        await shop.ledger.mails.send_links('pat@example.com')
    sandbox.act('smtp', down=True)
    tries = 0
    for seconds in range(0, 3600, 10):
        clock.ahead = timedelta(seconds=seconds)
        tries += await send_all(shop)
    assert tries < 25
    assert sender_of(shop).problem
    assert 'mail' in [check.name for check in await shop.health() if check.problem]
    sandbox.act('smtp', down=False)
    clock.ahead = timedelta(seconds=3900)
    await send_all(shop)
    mails = sandbox.mails('pat@example.com')
    assert len(mails) == len({mail['headers']['Message-ID'] for mail in mails}) == 31
    assert sender_of(shop).problem == ''


async def test_a_refused_address_is_told_to_the_operator(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """A 550 ends the mail, and the operator can write or call."""
    sandbox.fault('mail pat@*', 'fail', status=550)
    await paid(customer, email='pat@example.com')
    await send_all(customer.shop)
    assert (await mails_of(customer.shop))['paid'] is MailState.REFUSED
    clock.ahead = timedelta(minutes=11)
    await send_all(customer.shop)
    (mail,) = sandbox.mails()
    assert (mail['to'], 'pat@example.com' in mail['text']) == (OPERATOR, True)


async def test_a_refusal_for_now_is_tried_again_and_given_up_after_days(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """The pauses grow; another mail does not wait for it."""
    sandbox.fault('mail pat@*', 'fail', status=451, times=None)
    order = await paid(customer, email='pat@example.com')
    tries = 0
    for minutes in range(0, 60 * 80, 5):
        clock.ahead = timedelta(minutes=minutes)
        while await sender_of(customer.shop).send_next():
            tries += 1
    states = await mails_of(customer.shop)
    assert states['paid'] is MailState.GIVEN_UP
    assert tries < 60
    (mail,) = sandbox.mails()
    assert order.reference in mail['text']


async def test_a_lost_answer_is_not_repeated(
    customer: Customer, sandbox: SandboxClient, clock: Clock
) -> None:
    """The mail may have been sent: it is not sent again, and the operator is told no more than that."""
    sandbox.fault('mail pat@*', 'lose')
    await paid(customer, email='pat@example.com')
    for minutes in (0, 6, 60):
        clock.ahead = timedelta(minutes=minutes)
        await send_all(customer.shop)
    assert len(sandbox.mails('pat@example.com')) == 1
    assert (await mails_of(customer.shop))['paid'] is MailState.UNKNOWN
    assert await alerts_of(customer.shop) == ['mail']
    assert 'may not have arrived' in sandbox.mails(OPERATOR)[0]['subject']


class Died(BaseException):
    """The process ends here."""


async def test_a_crash_after_the_mail_was_accepted_repeats_it_with_the_same_id(
    customer: Customer, sandbox: SandboxClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one case in which a mail goes out twice: the process dies before it marks the mail as sent."""
    await paid(customer, email='pat@example.com')

    async def die(*_arguments: object, **_options: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(customer.shop.ledger.mails, 'finish', die)
        with pytest.raises(Died):
            await sender_of(customer.shop).send_next()
    assert await send_all(customer.shop) == 0
    clock.ahead = timedelta(minutes=6)
    await send_all(customer.shop)
    first, second = sandbox.mails()
    assert first['headers']['Message-ID'] == second['headers']['Message-ID']
    assert first['text'] == second['text']


async def test_an_address_that_cannot_be_written_is_refused(
    customer: Customer, sandbox: SandboxClient
) -> None:
    """It stops no other mail."""
    order = await paid(customer, email='pat@example.com')
    await customer.shop.ledger.orders.move(
        order,
        because=Cause.OPERATOR,
        line='',
        facts=replace(order.facts, email='a@b.example\r\nBcc: all@b.example'),
    )
    await send_all(customer.shop)
    assert (await mails_of(customer.shop))['paid'] is MailState.REFUSED
    assert sandbox.mails() == []
