"""The pages of the set-up without a browser: who is let in, what is answered, and what is never shown."""

import asyncio
import html
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services import site
from services.scheduling import SCOPES
from services.set_up import no_settings, opened
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
    """After twenty in a minute they get 429. The right one works, or anybody could lock the operator out.

    No limit is needed to protect it: it has 144 random bits, and is compared in constant time.
    """
    statuses = [(await client.get('/setup', params={'code': f'{n}'})).status_code for n in range(21)]
    assert statuses == [403] * 20 + [429]
    await let_in(client, pages)


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


async def test_a_live_key_is_sent_to_no_other_address(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """STRIPE_API_BASE is set: the page says what is wrong, and nothing is requested."""
    await let_in(client, pages)
    answer = await client.post('/setup/keys', data={'stripe_secret_key': 'sk_live_abc'})
    assert answer.status_code == 422
    assert 'STRIPE_API_BASE must not be set together with a live Stripe key' in answer.text
    assert (pages._set_up.answers.draft, sandbox.requests()) == ({}, [])


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
    assert ('…0001 is kept if you type nothing' in seen, pages.is_done) == (True, False)
    seen += (await client.post('/setup/write')).text
    assert pages.is_done
    values = pages._set_up.answers.values
    names = ('STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'CALENDLY_TOKEN', 'CALENDLY_WEBHOOK_SIGNING_KEY')
    assert [name for name in (*names, 'ADMIN_PASSWORD') if values[name] in seen] == []


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
    await client.post('/setup/price', data=steps(sandbox)['price'])
    await client.post('/setup/calendar', data={'do': 'none'})
    await client.post('/setup/event-type', data={'link': sandbox.calendly_link})
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


@pytest.mark.parametrize('step', ['price', 'payments-webhook', 'write'])
async def test_a_step_is_refused_while_another_one_comes_first(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient, step: str
) -> None:
    """Nothing is made or written; the page of the step that comes first is shown."""
    await let_in(client, pages)
    answer = await client.post(f'/setup/{step}', data=steps(sandbox).get(step, {}))
    assert (answer.status_code, 'another step comes first' in answer.text) == (409, True)
    assert '<h1>Stripe keys</h1>' in answer.text
    assert (pages._set_up.answers.draft, pages.is_done, sandbox.requests('/v1/')) == ({}, False, [])


async def test_a_form_that_cannot_be_read_says_so_to_the_operator(
    client: httpx.AsyncClient, pages: Pages
) -> None:
    """Not in the words for customers; the step is still open."""
    await let_in(client, pages)
    for content, status in ((b'&&', 400), (b'x=' + b'1' * 2000, 413)):
        answer = await client.post('/setup/keys', content=content)
        assert (answer.status_code, 'This form cannot be read' in answer.text) == (status, True)
        assert 'go back to the start' not in answer.text


@pytest.mark.parametrize('character', ['\n', '\0', '\x1b'])
async def test_control_characters_are_refused_in_every_field(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient, character: str
) -> None:
    """Also in those that become no setting; nothing is kept, and nothing is made."""
    await let_in(client, pages)
    await take_steps(client, sandbox, until='price')
    made = {'do': 'make', 'product': f'An{character}hour', 'amount': '80', 'currency': 'eur'}
    for step, data in (('keys', {'stripe_secret_key': f'sk_test_1{character}2'}), ('price', made)):
        answer = await client.post(f'/setup/{step}', data=data)
        assert (answer.status_code, 'There is a control character' in answer.text) == (422, True)
    assert pages._set_up.answers.draft['STRIPE_SECRET_KEY'] == KEYS['stripe_secret_key']
    assert sandbox.requests('POST /v1/prices') == []


async def test_whoever_goes_back_and_changes_the_price_makes_another_one(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """Stripe would refuse the same idempotency key with another amount for ever."""
    await let_in(client, pages)
    await take_steps(client, sandbox, until='price')
    made = {'do': 'make', 'product': 'An hour', 'amount': '80', 'currency': 'eur', 'attempt': 'ä' * 8}
    for change in ({}, {'amount': '90'}, {'product': 'Another'}, {'currency': 'usd'}):
        assert (await client.post('/setup/price', data=made | change)).status_code == 303
    found = {f'{price.product} {price.money}' for price in await pages._set_up.payments.prices()}
    assert found >= {'An hour €80', 'An hour €90', 'Another €80', 'An hour $80'}


@pytest.mark.parametrize(('address', 'skips'), [('http://localhost:3000', True), (DOMAIN, False)])
async def test_the_main_button_makes_only_webhooks_that_can_arrive(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient, address: str, skips: bool
) -> None:
    """On this machine alone the shop does without; the other way stays."""
    await let_in(client, pages)
    await take_steps(client, sandbox, until='address')
    await client.post('/setup/address', data={'domain': address})
    for label in ('Make the endpoint at Stripe', 'Make the subscription at Calendly'):
        shown = (await client.get('/setup')).text
        main = re.findall('<button[^>]*class="button main"[^>]*>([^<]*)<', shown)
        assert main == ['Do without' if skips else label]
        assert (
            f'{address} is not on the internet: {label.rpartition(" ")[2]} cannot reach it.' in shown
        ) is skips
        assert label in shown
        step = 'payments-webhook' if 'Stripe' in label else 'bookings-webhook'
        await client.post(f'/setup/{step}', data={'do': 'none'})


async def test_the_step_of_the_token_says_what_it_needs(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """It lists the scopes; a wrong token is not answered as if the shop were running."""
    await let_in(client, pages)
    await take_steps(client, sandbox, until='calendar')
    shown = (await client.get('/setup')).text
    assert [scope for scope in (*SCOPES, 'webhooks:write', 'event_types:write') if scope not in shown] == []
    refused = await client.post('/setup/calendar', data={'calendly_token': 'wrong'})
    assert (refused.status_code, 'Calendly refuses CALENDLY_TOKEN' in refused.text) == (422, True)
    assert [
        words for words in ('restart', 'public link. ', 'Until then', 'README') if words in refused.text
    ] == []


async def test_the_last_page_names_what_is_deleted(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """Only a form that has seen it deletes it; without it, the page is shown again with what it names."""
    sandbox.act('webhooks', calendly=f'{DOMAIN}/webhooks/calendly')
    (hand_made,) = sandbox.state()['subscriptions']
    await let_in(client, pages)
    await take_steps(client, sandbox, until='write')
    shown = (await client.get('/setup')).text
    assert hand_made['uri'].rpartition('/')[2] in shown
    assert 'Write the settings, delete what is named, and start the shop' in shown
    refused = await client.post('/setup/write')
    assert (refused.status_code, pages.is_done) == (422, False)
    assert sandbox.state()['subscriptions'] == [hand_made]
    (deletes,) = re.findall('name="deletes" value="([^"]+)"', shown)
    assert (await client.post('/setup/write', data={'deletes': deletes})).status_code == 200
    (subscription,) = sandbox.state()['subscriptions']
    assert (pages.is_done, subscription['uri'] != hand_made['uri']) == (True, True)


async def test_check_again_reads_again(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient, tmp_path: Path
) -> None:
    """What the operator has mended in the file meanwhile is right then."""
    file = tmp_path / '.env'
    file.write_text('RECONCILE_SECONDS=never\n')
    environ = pages._set_up._environ
    async with opened(environ, file) as set_up:
        pages._set_up = set_up
        await let_in(client, pages)
        await take_steps(client, sandbox, until='write')
        assert 'RECONCILE_SECONDS must be' in (await client.get('/setup')).text
        file.write_text('RECONCILE_SECONDS=30\n')
        shown = (await client.get('/setup')).text
        assert ('RECONCILE_SECONDS' in shown, 'Write the settings and start' in shown) == (False, True)


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
    pages.has_settings = lambda: next(seen)
    await asyncio.wait_for(pages.watch(every=0.01), timeout=10)
    assert pages.is_done


async def test_two_processes_on_one_database_take_turns(
    client: httpx.AsyncClient, pages: Pages, sandbox: SandboxClient
) -> None:
    """The second says where the set-up goes on, and takes it over when asked; then the first says so."""
    await let_in(client, pages)
    await take_steps(client, sandbox, until='calendar')
    async with opened(pages._set_up._environ, Path(os.devnull)) as set_up:
        set_up.answers.hold.place = 'port 3000 of shop-2'
        second = Pages(set_up, site.load(ROOT / 'site.toml'), port=3000)
        transport = httpx.ASGITransport(second.app())
        async with httpx.AsyncClient(transport=transport, base_url=SHOP, headers={'Origin': SHOP}) as other:
            await let_in(other, second)
            for answer in (await other.get('/setup'), await other.post('/setup/keys', data=KEYS)):
                assert answer.status_code == 409
                assert f'under way in {pages._set_up.answers.hold.place}.' in answer.text
            assert (await other.post('/setup/take-over')).status_code == 303
            assert '<h1>Calendly token</h1>' in (await other.get('/setup')).text
            gone = await client.post('/setup/calendar', data={'do': 'none'})
            assert (gone.status_code, 'under way in port 3000 of shop-2.' in gone.text) == (409, True)
            for step in ('calendar', 'event-type', 'address', 'payments-webhook', 'bookings-webhook'):
                await other.post(f'/setup/{step}', data=steps(sandbox)[step])
            await other.post('/setup/password', data={'password': PASSWORD})
            assert 'Your shop starts' in (await other.post('/setup/write')).text
    pages.has_settings = lambda: not no_settings(pages._set_up._environ, Path(os.devnull))
    assert 'Your shop starts' in (await client.post('/setup/keys', data=KEYS)).text
    assert (pages.is_done, len(sandbox.state()['webhook_endpoints'])) == (True, 1)
    assert sandbox.state()['subscriptions'][0]['callback_url'] == f'{DOMAIN}/webhooks/calendly'


async def test_a_form_that_comes_after_the_end_is_led_to_the_shop(
    client: httpx.AsyncClient, pages: Pages
) -> None:
    """Also where another process has written the settings, and this one knows no address."""
    await let_in(client, pages)
    pages.has_settings = lambda: True
    await pages.watch(every=0)
    answer = await client.post('/setup/keys', data=KEYS)
    assert (answer.status_code, 'href="/admin/login?first=1"' in answer.text) == (200, True)
