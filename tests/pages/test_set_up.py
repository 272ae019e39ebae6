"""The pages of the set-up without a browser: who is let in, what is answered, and what is never shown."""

import asyncio
import html
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services import site
from services.set_up import opened
from services.settings import find_value
from tests.conftest import CreateTables
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.services.set_up import DOMAIN, PASSWORD
from ui.set_up.server import COOKIE, Pages

SHOP = 'http://shop.test'
KEYS = {'stripe_secret_key': 'sk_test_sandboxNoMoneyMoves00000001'}


@pytest.fixture
async def pages(sandbox: SandboxClient, tmp_path: Path, create_tables: CreateTables) -> AsyncIterator[Pages]:
    """Return the pages of a set-up that has just begun."""
    url = f'sqlite:///{tmp_path}/shop.db'
    create_tables(url)
    names = ('STRIPE_API_BASE', 'CALENDLY_API_BASE')
    environ = {name: sandbox.settings[name] for name in names} | {'DATABASE_URL': url}
    async with opened(environ, Path(os.devnull)) as set_up:
        yield Pages(set_up, site.load(ROOT / 'site.toml'), port=3000)


@pytest.fixture
async def client(pages: Pages) -> AsyncIterator[httpx.AsyncClient]:
    """Return a browser that has not opened the link yet."""
    transport = httpx.ASGITransport(pages.app())
    async with httpx.AsyncClient(transport=transport, base_url=SHOP, headers={'Origin': SHOP}) as client:
        yield client


async def let_in(client: httpx.AsyncClient, pages: Pages) -> None:
    """Open the link."""
    assert (await client.get('/setup', params={'code': pages.access.code})).status_code == 200


@pytest.mark.parametrize('path', ['/', '/admin/login', '/checkout', '/webhooks/stripe', '/order/x', '/docs'])
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    """Every other address says that the shop is not set up, to every method."""
    for method in ('GET', 'POST'):
        answer = await client.request(method, path)
        assert (answer.status_code, 'This shop is not set up yet' in answer.text) == (503, True)
        assert "default-src 'none'" in answer.headers['content-security-policy']


async def test_health_checks(client: httpx.AsyncClient) -> None:
    """The process lives, and is not ready."""
    assert (await client.get('/healthz')).status_code == 200
    answer = await client.get('/readyz')
    assert (answer.status_code, answer.text) == (503, 'This shop is not set up yet\n')


async def test_the_code_becomes_a_cookie(client: httpx.AsyncClient, pages: Pages) -> None:
    """Only the right code does; the cookie is for these pages, and for no script and no other site."""
    assert (await client.get('/setup')).status_code == 403
    wrong = await client.get('/setup', params={'code': 'x'})
    assert (wrong.status_code, 'set-cookie' in wrong.headers) == (403, False)
    right = await client.get('/setup', params={'code': pages.access.code})
    cookie = right.headers['set-cookie'].lower()
    assert all(flag in cookie for flag in ('httponly', 'samesite=strict', 'path=/setup'))
    assert pages.access.code not in right.text
    shown = await client.get('/setup')
    assert (shown.status_code, shown.headers['cache-control']) == (200, 'no-store')
    assert '<h1>Stripe keys</h1>' in shown.text
    assert 'This page came over http' in shown.text
    client.cookies.set(COOKIE, 'another', path='/setup')
    assert (await client.get('/setup')).status_code == 403


async def test_a_code_works_once(client: httpx.AsyncClient, pages: Pages) -> None:
    """Whoever finds the link later gets nothing; the log shows a new one, and the same browser goes on."""
    used: list[str] = []
    pages.on_code_used = lambda: used.append(pages.access.code)
    first = pages.access.code
    await let_in(client, pages)
    assert used == [pages.access.code] != [first]
    assert (await client.get('/setup', params={'code': first})).status_code == 200
    client.cookies.clear()
    answer = await client.get('/setup', params={'code': first})
    assert (answer.status_code, 'not valid any more' in answer.text) == (403, True)
    await let_in(client, pages)


@pytest.mark.usefixtures('stopped_limits')
async def test_wrong_codes_are_limited(client: httpx.AsyncClient, pages: Pages) -> None:
    """After twenty in a minute not even the right one is looked at."""
    statuses = [(await client.get('/setup', params={'code': f'{n}'})).status_code for n in range(21)]
    assert statuses == [403] * 20 + [429]
    assert (await client.get('/setup', params={'code': pages.access.code})).status_code == 429


async def test_forms_need_the_cookie_and_come_from_here(client: httpx.AsyncClient, pages: Pages) -> None:
    """Without one of both nothing is kept."""
    assert (await client.post('/setup/keys', data=KEYS)).status_code == 403
    await let_in(client, pages)
    for origin in ('https://evil.example', 'null', ''):
        assert (await client.post('/setup/keys', data=KEYS, headers={'Origin': origin})).status_code == 403
    assert pages._set_up.answers.draft == {}
    assert (await client.post('/setup/nothing', data=KEYS)).status_code == 403
    assert (await client.post('/setup/keys', data=KEYS)).status_code == 303
    assert pages._set_up.answers.draft['STRIPE_SECRET_KEY'] == KEYS['stripe_secret_key']


def steps(sandbox: SandboxClient) -> dict[str, dict[str, str]]:
    """Return the forms of an operator who has an account at both, by step."""
    return {
        'keys': KEYS,
        'price': {'price': sandbox.settings['STRIPE_PRICE_ID']},
        'calendar': {'calendly_token': sandbox.settings['CALENDLY_TOKEN']},
        'event-type': {'link': sandbox.calendly_link},
        'address': {'domain': DOMAIN},
        'payments-webhook': {},
        'bookings-webhook': {},
        'password': {'password': PASSWORD},
    }


async def take_steps(client: httpx.AsyncClient, sandbox: SandboxClient, *, until: str) -> None:
    """Send the forms of all steps before one."""
    for step, data in steps(sandbox).items():
        if step == until:
            return
        assert (await client.post(f'/setup/{step}', data=data)).status_code == 303


async def test_secrets_are_never_sent_back(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """Neither after a refusal nor on the page of a step that was taken; of a key the end is shown."""
    await let_in(client, pages)
    refused = await client.post('/setup/keys', data={'stripe_secret_key': 'sk_test_wrong_and_secret'})
    assert (refused.status_code, 'wrong_and' in refused.text) == (422, False)
    seen = refused.text
    for step, data in steps(sandbox).items():
        assert (await client.post(f'/setup/{step}', data=data)).status_code == 303
        seen += (await client.get('/setup')).text + (await client.get(f'/setup?step={step}')).text
    values = pages._set_up.answers.values
    names = ('STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'CALENDLY_TOKEN', 'CALENDLY_WEBHOOK_SIGNING_KEY')
    assert [name for name in (*names, 'ADMIN_PASSWORD') if values[name] in seen] == []
    assert '…0001 is kept if you type nothing' in seen
    assert not pages.is_done


async def test_a_step_can_be_taken_in_another_way(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """A price is made once, however often its button is pressed; token and webhooks are left out."""
    await let_in(client, pages)
    await client.post('/setup/keys', data=KEYS)
    made = {'do': 'make', 'product': 'An hour', 'amount': '80', 'currency': 'eur', 'attempt': 'a' * 32}
    for _ in range(2):
        await client.post('/setup/price', data=made)
    assert len(sandbox.requests('POST /v1/prices')) == 2
    assert [price.product for price in await pages._set_up.payments.prices()].count('An hour') == 1
    await client.post('/setup/calendar', data={'do': 'none'})
    assert 'Link of the event type' in (await client.get('/setup')).text
    await client.post('/setup/event-type', data={'link': sandbox.calendly_link})
    await client.post('/setup/address', data={'domain': DOMAIN})
    await client.post('/setup/payments-webhook', data={'do': 'none'})
    assert '<h1>Your password</h1>' in (await client.get('/setup')).text


@pytest.mark.parametrize(
    ('address', 'port'),
    [
        ('http://localhost:3989', '3000'),
        ('https://x.example:8443', '3000'),
        ('http://localhost:3000', ''),
        (DOMAIN, ''),
    ],
)
async def test_the_shop_stays_at_its_port(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient, address: str, port: str
) -> None:
    """The port in the address is that of a tunnel or a proxy: PORT is then written as it is in use."""
    await let_in(client, pages)
    await take_steps(client, sandbox, until='address')
    await client.post('/setup/address', data={'domain': address})
    answers = pages._set_up.answers
    assert (answers.draft.get('PORT', ''), find_value('PORT', answers.values)) == (port, 3000)


async def test_what_was_typed_stays_when_a_step_is_refused(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """All but secrets: nobody types an address or a price twice."""
    await let_in(client, pages)
    await client.post('/setup/keys', data=KEYS)
    for step, typed in (
        ('price', {'do': 'make', 'product': 'An hour "x"', 'amount': '80,-', 'currency': 'eur'}),
        ('event-type', {'link': 'https://calendly.com/only-a-profile'}),
        ('address', {'domain': 'https://coach.example/shop'}),
    ):
        answer = await client.post(f'/setup/{step}', data=typed)
        fields = [text for name, text in typed.items() if name != 'do']
        assert (answer.status_code, [text for text in fields if text not in html.unescape(answer.text)]) == (
            422,
            [],
        )


async def test_a_refusal_of_stripe_is_shown_on_the_page(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """Also where the page itself needs Stripe."""
    await let_in(client, pages)
    await client.post('/setup/keys', data=KEYS)
    sandbox.act('key', revoked=True)
    answer = await client.get('/setup')
    assert (answer.status_code, 'Stripe does not know this key' in answer.text) == (200, True)


async def test_settings_of_another_process_end_the_set_up(pages: Pages) -> None:
    """Such as a second container with the same database, or the command line."""
    seen = iter((False, False, True))
    await asyncio.wait_for(pages.watch(lambda: next(seen), every=0.01), timeout=10)
    assert pages.is_done


async def test_a_form_that_comes_after_the_end_is_led_to_the_shop(
    client: httpx.AsyncClient, pages: Pages
) -> None:
    """Also where another process has written the settings, and this one knows no address."""
    await let_in(client, pages)
    await pages.watch(lambda: True, every=0)
    answer = await client.post('/setup/keys', data=KEYS)
    assert (answer.status_code, 'href="/admin/login?first=1"' in answer.text) == (200, True)
