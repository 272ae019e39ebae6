"""Signing in to the admin and out of it, in the operator's browser."""

import re
from http.cookies import SimpleCookie

import pytest
from fastapi import Request

from services.admin import SignedIn
from services.errors import ShopError
from services.shop import Shop
from tests.pages.admin import PASSWORD, Operator
from tests.pages.customer import Customer, words
from ui.admin.access import admin_page, guarded, own_path
from ui.components.elements import Tag

PROXY = {'ADMIN_PASSWORD': PASSWORD, 'DOMAIN': 'https://coach.example'}


@pytest.fixture
def settings_env(settings_env: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of a shop with an admin, unless the test wants others."""
    return settings_env | getattr(request, 'param', {'ADMIN_PASSWORD': PASSWORD})


@pytest.fixture
def operator(customer: Customer) -> Operator:
    """A browser of the operator that is not signed in."""
    return Operator()


async def test_the_password_opens_the_admin(operator: Operator, shop: Shop) -> None:
    """Whoever types it is led to the first page; the journal of the admin tells when and from where."""
    first = await operator.get('/admin')
    assert (first.status_code, first.headers['location']) == (303, '/admin/login')
    answer = await operator.sign_in()
    assert (answer.status_code, answer.headers['location']) == (303, '/admin')
    page = await operator.get('/admin')
    assert page.status_code == 200
    assert 'Overview' in words(page.text)
    (line,) = await shop.ledger.admin_journal.newest(limit=9)
    assert (line.actor, line.line) == ('admin (127.0.0.1)', 'signed in')
    assert (await operator.get('/admin/login')).headers['location'] == '/admin'


@pytest.mark.parametrize('settings_env', [PROXY, {'ADMIN_PASSWORD': PASSWORD}], indirect=True)
async def test_the_cookie_is_for_the_admin_alone(operator: Operator, shop: Shop) -> None:
    """No script reads it, no other site sends it, no other path gets it; it is Secure on https."""
    answer = await operator.send(
        'POST', '/admin/login', data={'password': PASSWORD}, headers={'origin': shop.settings.domain}
    )
    morsel = SimpleCookie(answer.headers['set-cookie'])['paidslot_admin']
    assert (morsel['path'], morsel['samesite'], morsel['httponly']) == ('/admin', 'strict', True)
    assert bool(morsel['secure']) == shop.settings.https
    assert morsel['max-age'] == str(7 * 24 * 60 * 60)
    assert morsel['domain'] == ''


async def test_nobody_else_gets_a_cookie(operator: Operator) -> None:
    """Neither the sign-in page nor a wrong password sets one."""
    answers = [
        await operator.get('/admin'),
        await operator.get('/admin/login'),
        await operator.sign_in('wrong'),
    ]
    assert [answer.status_code for answer in answers] == [303, 200, 403]
    assert all('set-cookie' not in answer.headers for answer in answers)


async def test_a_wrong_password_is_said_in_words(operator: Operator) -> None:
    """The page says so and does not repeat what was typed."""
    answer = await operator.sign_in('a wrong <password>')
    assert answer.status_code == 403
    assert 'That is not the password.' in words(answer.text)
    assert 'a wrong' not in answer.text
    assert 'name="password"' in answer.text


@pytest.mark.usefixtures('stopped_limits')
async def test_too_many_tries_are_refused_in_words(customer: Customer, operator: Operator) -> None:
    """The right password is refused then, too; whoever is signed in already goes on working."""
    await operator.sign_in()
    other = Operator()
    statuses = {(await other.sign_in('wrong')).status_code for _ in range(61)}
    assert statuses == {403, 429}
    answer = await other.sign_in()
    assert answer.status_code == 429
    assert 'it is not looked at, even if it is right' in words(answer.text)
    assert int(answer.headers['retry-after']) > 0
    assert not other.cookie
    assert (await operator.get('/admin')).status_code == 200
    await operator.post('/admin/selling/stop', text='closed')


@pytest.mark.parametrize(
    ('wanted', 'led_to'),
    [
        ('/admin/orders?state=paid&q=pat%40example.com&after=2026-11-26T10:00:00', None),
        ('/admin/orders/ABCD-2345', None),
        ('/admin', None),
        ('https://evil.example/admin', '/admin'),
        ('//evil.example/admin', '/admin'),
        ('/\\evil.example', '/admin'),
        ('/admin\\..\\x', '/admin'),
        ('/admin/../order', '/admin'),
        ('/admin/%2e%2e/checkout', '/admin'),
        ('/admin//evil.example', '/admin'),
        ('/adminevil', '/admin'),
        ('/admin@evil.example', '/admin'),
        ('/admin/x\r\nSet-Cookie: a=b', '/admin'),
        ('/admin?a=b\r\nSet-Cookie: a=b', '/admin'),
        ('javascript:alert(1)', '/admin'),
        ('/admin/login', '/admin'),
        ('', '/admin'),
    ],
)
async def test_the_sign_in_leads_to_what_was_requested(
    operator: Operator, wanted: str, led_to: str | None
) -> None:
    """It leads to a page of the admin, never anywhere else, also when the form was changed."""
    assert own_path(wanted) == (led_to or wanted)
    answer = await operator.sign_in(next=wanted)
    assert (answer.status_code, answer.headers['location']) == (303, led_to or wanted)
    assert 'a=b' not in answer.headers['set-cookie']


async def test_a_bookmark_survives_the_sign_in(operator: Operator) -> None:
    """The page that was requested is in the form of the sign-in page, escaped, with its query."""
    first = await operator.get('/admin/orders?q=pat%40example.com&state=paid')
    page = await operator.get(first.headers['location'])
    (wanted,) = re.findall(r'name="next" value="([^"]*)"', page.text)
    assert wanted == '/admin/orders?q=pat%40example.com&amp;state=paid'


async def test_signing_out_deletes_the_cookie(operator: Operator) -> None:
    """The browser forgets it, and it opens nothing if it does not."""
    await operator.sign_in()
    answer = await operator.post('/admin/sign-out')
    assert (answer.status_code, answer.headers['location']) == (303, '/admin/login')
    assert 'paidslot_admin=""; ' in answer.headers['set-cookie']
    assert 'Max-Age=0' in answer.headers['set-cookie']
    assert (await operator.get('/admin')).status_code == 303


async def test_the_sign_ins_are_listed(customer: Customer, operator: Operator) -> None:
    """The page shows every sign-in and which is this one, and what was done; not what opens them."""
    await operator.sign_in()
    await Operator().sign_in()
    answer = await operator.get('/admin/sign-ins')
    page = words(answer.text)
    assert page.count('this browser') == 1
    assert page.count('127.0.0.1') == 4
    assert operator.cookie not in answer.text


@pytest.mark.parametrize('settings_env', [{}], indirect=True)
async def test_without_a_password_there_is_no_admin(customer: Customer) -> None:
    """Every path is the page of an unknown address, to the byte."""
    unknown = await customer.http.get('/no-such-page')
    for path in ('/admin', '/admin/', '/admin/login', '/admin/orders', '/admin/selling'):
        answer = await customer.http.get(path)
        assert (answer.status_code, answer.text) == (404, unknown.text), path
        assert answer.headers.keys() == unknown.headers.keys()
        assert (await customer.http.post(path)).status_code == 404


async def test_an_unknown_page_of_the_admin_is_not_found(operator: Operator) -> None:
    """Whoever is signed in is told so."""
    await operator.sign_in()
    assert (await operator.get('/admin/no-such-page')).status_code == 404


async def test_an_action_that_fails_says_why(operator: Operator) -> None:
    """The words of the error are a page of the admin, with its navigation."""
    await operator.sign_in()
    answer = await operator.post('/admin/selling/stop', text=' ')
    assert answer.status_code == 400
    assert 'Please write what customers read' in words(answer.text)
    assert 'Sign out' in words(answer.text)


async def test_an_open_page_obeys_until_it_is_signed_out(
    customer: Customer, operator: Operator, shop: Shop
) -> None:
    """An event of an open page works; once another browser signs out everywhere, it leads away."""
    seen = []

    @admin_page('/admin/live-test', shop, title='Live')
    async def live(_request: Request, signed_in: SignedIn) -> None:
        async def refresh() -> None:
            seen.append(signed_in.actor)

        Tag('button', 'Refresh').on('click', guarded(signed_in, refresh), args=[])

    await operator.sign_in()
    customer.http.cookies.set('paidslot_admin', operator.cookie)
    await customer.open('/admin/live-test')
    customer.press()
    await customer.until(lambda: seen == ['admin (127.0.0.1)'])
    await operator.post('/admin/sign-out-everywhere')
    customer.press()
    await customer.until(lambda: customer.left_for == ['/admin/login'])
    assert len(seen) == 1


async def test_an_outage_is_said_and_opens_nothing(
    operator: Operator, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the ledger fails nobody gets in, and the page says that something is wrong.

    `find` is replaced only to fail as an outage does.
    """
    await operator.sign_in()

    async def fail(_id: str) -> None:
        raise ShopError('down')

    monkeypatch.setattr(shop.ledger.sign_ins, 'find', fail)
    for method, path in (('GET', '/admin'), ('POST', '/admin/selling/stop')):
        answer = await operator.send(method, path, data={'text': 'closed'} if method == 'POST' else None)
        assert answer.status_code == 500
        assert 'Something went wrong on our side' in answer.text
        assert 'Overview' not in answer.text
    assert await shop.selling.is_on()
