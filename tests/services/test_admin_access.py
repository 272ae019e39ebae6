"""Access to the admin: tries are limited, sign-ins end in time, and nothing in the ledger opens it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Row, select

from services.admin import Access
from services.database import schema
from services.errors import TooManyRequests, WrongPassword
from services.ledger.sign_ins import ABSOLUTE, IDLE, SEEN_EVERY
from services.settings import parse_settings
from services.shop import Shop, build
from tests.services.conftest import Clock, on_both_databases

pytestmark = [on_both_databases, pytest.mark.usefixtures('stopped_limits')]
PASSWORD, OTHER = 'correct horse battery staple', 'another long password'
HOME, AWAY = '203.0.113.7', '198.51.100.9'
A_BIT = timedelta(seconds=1)


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop with an admin."""
    return settings_env | {'ADMIN_PASSWORD': PASSWORD}


@pytest.fixture
def access(shop: Shop) -> Access:
    """Return the access to the shop's admin."""
    assert shop.access
    return shop.access


@pytest.fixture
async def restarted(shop: Shop, settings_env: dict[str, str], clock: Clock) -> AsyncIterator[Access]:
    """Return the access of a process that starts later, with another password."""
    other = build(parse_settings(settings_env | {'ADMIN_PASSWORD': OTHER}), clock=clock)
    await other.open()
    assert other.access
    yield other.access
    await other.close()


async def rows(shop: Shop) -> list[Row[tuple[object, ...]]]:
    """Return all sign-ins in the ledger."""
    return await shop.ledger.store.read(select(schema.sign_ins))


async def lines(shop: Shop) -> list[tuple[str, str]]:
    """Return who did what in the admin, oldest first."""
    return [(line.actor, line.line) for line in reversed(await shop.ledger.admin_journal.newest(limit=99))]


async def wrong(access: Access, times: int, client_ip: str) -> None:
    """Type a wrong password."""
    for _ in range(times):
        with pytest.raises(WrongPassword):
            await access.sign_in(OTHER, client_ip=client_ip)


async def test_the_ledger_holds_a_hash_of_the_cookie_only(shop: Shop, access: Access) -> None:
    """Neither the cookie's value nor the form token nor the password is in the database, or in a repr."""
    token = await access.sign_in(PASSWORD, client_ip=HOME)
    signed_in = await access.find(token)
    assert signed_in
    stored = str([tuple(row) for row in await rows(shop)] + await lines(shop))
    for secret in (token, signed_in.form_token, PASSWORD):
        assert secret not in stored
        assert secret not in repr((signed_in, access, shop))
    assert len(token) >= 43  # 256 bits


@pytest.mark.parametrize('password', ['', PASSWORD[:-1], PASSWORD + ' ', PASSWORD.upper(), 'ü' * 12, '\x00'])
async def test_another_text_is_not_the_password(shop: Shop, access: Access, password: str) -> None:
    """It is refused and journalled with the address; nothing else is written."""
    with pytest.raises(WrongPassword):
        await access.sign_in(password, client_ip=HOME)
    assert await rows(shop) == []
    assert await lines(shop) == [(f'admin ({HOME})', 'a wrong password was typed')]


async def test_a_client_has_ten_tries(shop: Shop, access: Access) -> None:
    """Then even the right password is refused there and tells nothing; elsewhere it still opens."""
    await wrong(access, 10, HOME)
    for password in (OTHER, PASSWORD):
        with pytest.raises(TooManyRequests) as refused:
            await access.sign_in(password, client_ip=HOME)
        assert 0 < (refused.value.retry_after or 0) <= 15 * 60
    assert await rows(shop) == []
    assert len(await lines(shop)) == 10
    assert await access.find(await access.sign_in(PASSWORD, client_ip=AWAY))


async def test_all_clients_together_have_sixty_tries(shop: Shop, access: Access) -> None:
    """A try from an address that was never seen is refused then; where one is signed in, it is not."""
    token = await access.sign_in(PASSWORD, client_ip=HOME)
    for number in range(6):
        await wrong(access, 10 if number < 5 else 9, f'198.51.{number}.1')
    with pytest.raises(TooManyRequests):
        await access.sign_in(PASSWORD, client_ip='192.0.2.1')
    assert await access.find(token), 'who is signed in already is locked out'
    assert await access.find(await access.sign_in(PASSWORD, client_ip=HOME))


@pytest.mark.parametrize('cookie', ['', 'x', 'x' * 43, 'ü' * 5000, "' OR 1=1 --"])
async def test_another_value_is_no_sign_in(access: Access, cookie: str) -> None:
    """Whatever a cookie holds, only a value that was given out opens the admin."""
    await access.sign_in(PASSWORD, client_ip=HOME)
    assert await access.find(cookie) is None


async def test_the_id_in_the_ledger_opens_nothing(access: Access) -> None:
    """Who reads the database cannot sign in with it."""
    signed_in = await access.find(await access.sign_in(PASSWORD, client_ip=HOME))
    assert signed_in
    assert await access.find(signed_in.id) is None


async def test_it_ends_when_it_is_not_used(access: Access, clock: Clock) -> None:
    """Each use counts; twelve hours after the last one it has ended, for open pages too."""
    token = await access.sign_in(PASSWORD, client_ip=HOME)
    for _ in range(3):
        clock.ahead += IDLE - A_BIT
        assert await access.find(token)
    signed_in = await access.find(token)
    assert signed_in
    clock.ahead += IDLE
    assert not await signed_in.still_valid()
    assert await access.find(token) is None


async def test_it_ends_after_a_week_of_use(access: Access, clock: Clock) -> None:
    """However often it is used."""
    token = await access.sign_in(PASSWORD, client_ip=HOME)
    for _ in range(int(ABSOLUTE / IDLE) * 2 - 1):
        clock.ahead += IDLE / 2
        assert await access.find(token)
    clock.ahead += IDLE / 2
    assert await access.find(token) is None


async def test_an_open_page_is_no_use(access: Access, clock: Clock) -> None:
    """Checking an open page does not make its sign-in last longer."""
    token = await access.sign_in(PASSWORD, client_ip=HOME)
    signed_in = await access.find(token)
    assert signed_in
    clock.ahead += IDLE - A_BIT
    assert await signed_in.still_valid()
    clock.ahead += A_BIT
    assert not await signed_in.still_valid()


async def test_use_is_written_down_once_a_minute(shop: Shop, access: Access, clock: Clock) -> None:
    """Twenty pages within a minute write nothing."""
    token = await access.sign_in(PASSWORD, client_ip=HOME)
    before = await rows(shop)
    clock.ahead += SEEN_EVERY / 2
    for _ in range(20):
        await access.find(token)
    assert await rows(shop) == before
    clock.ahead += SEEN_EVERY
    await access.find(token)
    assert await rows(shop) != before


async def test_signing_out_ends_one_or_all(shop: Shop, access: Access) -> None:
    """One browser signs out and the others stay; then one signs out everywhere. Both are journalled."""
    tokens = [await access.sign_in(PASSWORD, client_ip=HOME) for _ in range(3)]
    first, second, third = [await access.find(token) for token in tokens]
    assert first
    assert second
    assert third
    await access.sign_out(first)
    assert [bool(await access.find(token)) for token in tokens] == [False, True, True]
    await access.sign_out_everywhere(second)
    assert [bool(await access.find(token)) for token in tokens] == [False, False, False]
    assert not await third.still_valid()
    assert [line for _, line in await lines(shop)][3:] == ['signed out', 'signed out everywhere: 2 sign-ins']


async def test_a_new_password_ends_every_sign_in(access: Access, restarted: Access) -> None:
    """A cookie of the old password opens nothing where the new one is set, and the old password neither."""
    token = await access.sign_in(PASSWORD, client_ip=HOME)
    assert await restarted.find(token) is None
    with pytest.raises(WrongPassword):
        await restarted.sign_in(PASSWORD, client_ip=HOME)
    assert await restarted.find(await restarted.sign_in(OTHER, client_ip=HOME))


async def test_each_sign_in_has_forms_of_its_own(access: Access) -> None:
    """A form of one sign-in is none of another, in the same browser or not."""
    one, other = [await access.find(await access.sign_in(PASSWORD, client_ip=HOME)) for _ in range(2)]
    assert one
    assert other
    assert one.sent(one.form_token)
    for token in (other.form_token, '', one.form_token[:-1], 'ü'):
        assert not one.sent(token)


async def test_sign_ins_that_ended_are_deleted(shop: Shop, access: Access, clock: Clock) -> None:
    """The reconciler deletes them; one that lasts stays, and the journal stays."""
    await access.sign_in(PASSWORD, client_ip=HOME)
    clock.ahead += IDLE
    token = await access.sign_in(PASSWORD, client_ip=AWAY)
    await shop.reconciler.round()
    (row,) = await rows(shop)
    assert row.client_ip == AWAY
    assert await access.find(token)
    assert len(await lines(shop)) == 2
