"""Attacks on the admin: every route there is, found in the router, so that none can be forgotten."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from nicegui import Client, app
from sqlalchemy import select, update

from services.database import schema
from services.ledger.sign_ins import ABSOLUTE, IDLE
from services.shop import Shop
from tests.pages.admin import ORIGIN, PASSWORD, Operator
from tests.pages.conftest import Way, order_at

FIELDS = {
    'text': 'closed',
    'note': 'a note',
    'email': 'else@example.com',
    'amount': '150',
    'reason': 'x',
    'do': 'save',
    'seen': '0',
}
"""What the actions read, so that one that is not refused would do something."""
LOGIN, TEXTS = '/admin/login', '/admin/texts/business'
WRONG_FORMS: dict[str, dict[str, str]] = {
    'another site': {'origin': 'https://evil.example'},
    'a site whose name begins like ours': {'origin': f'{ORIGIN}.evil.example'},
    'another port': {'origin': 'http://localhost:3001'},
    'another scheme': {'origin': 'https://localhost:3000'},
    'a sandboxed frame': {'origin': 'null'},
    'an empty origin': {'origin': ''},
    'a claim that contradicts the origin': {
        'origin': 'https://evil.example',
        'sec-fetch-site': 'same-origin',
    },
    'no origin, another site': {'sec-fetch-site': 'cross-site'},
    'no origin, a neighbouring site': {'sec-fetch-site': 'same-site', 'referer': f'{ORIGIN}/admin'},
    'no origin, typed': {'sec-fetch-site': 'none'},
    "no origin, another site's page": {'referer': 'https://evil.example/admin'},
    'no origin, our address in the path': {'referer': f'https://evil.example/{ORIGIN}/'},
    'no word about where it is from': {},
}


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop with an admin."""
    return settings_env | {'ADMIN_PASSWORD': PASSWORD}


def flat(routes: list[Any]) -> Iterator[Any]:
    """Yield routes, those of included routers too."""
    for route in routes:
        router = getattr(route, 'original_router', None)
        yield from flat(router.routes) if router else [route]


class Routes:
    """Every route below /admin but the sign-in page, for a paid order."""

    def __init__(self, reference: str) -> None:
        self._reference = reference

    def all(self, *methods: str) -> list[tuple[str, str]]:
        """Return method and path of each route with one of these methods."""
        found = {
            (method, self._path(route.path))
            for route in flat(app.routes)
            for method in getattr(route, 'methods', None) or ()
            if method in methods and route.path.startswith('/admin') and route.path != LOGIN
        }
        assert len(found) > 2, 'the routes are not found'
        return sorted(found)

    def _path(self, path: str) -> str:
        known = {'reference': self._reference, 'section': 'business', 'page': 'terms'}
        return re.sub(r'\{([^}]+)\}', lambda found: known.get(found[1], '1'), path)


@pytest.fixture
async def routes(shop: Shop, way: Way) -> Routes:
    """Return the routes, in a shop with a paid order."""
    order = await order_at(shop, await way.arrive(await way.pay()))
    return Routes(order.reference)


async def contents(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of the ledger, but for how far Stripe's lists were read."""
    tables = [table for table in schema.metadata.sorted_tables if table.name != 'list_cursors']
    return {
        table.name: [tuple(row) for row in await shop.ledger.store.read(select(table))] for table in tables
    }


async def signed_in() -> Operator:
    """Return a browser in which the operator has signed in."""
    operator = Operator()
    await operator.sign_in()
    assert operator.cookie
    return operator


async def set_times(shop: Shop, **ago: timedelta) -> None:
    """Move the times of all sign-ins into the past."""
    (now,) = {row.last_seen for row in await shop.ledger.store.read(select(schema.sign_ins))}
    values: dict[str, datetime] = {name: now - by for name, by in ago.items()}
    statement = update(schema.sign_ins).values(values)
    await shop.ledger.store.write(lambda connection: connection.execute(statement))


async def nobody(_shop: Shop) -> Operator:
    """A browser without a cookie."""
    return Operator()


async def guessing(_shop: Shop) -> Operator:
    """A browser with a cookie that was never given out."""
    return Operator(cookie='A' * 43)


async def idle(shop: Shop) -> Operator:
    """A browser that was not used for twelve hours."""
    operator = await signed_in()
    await set_times(shop, last_seen=IDLE)
    return operator


async def too_old(shop: Shop) -> Operator:
    """A browser in use, in which the password was typed a week ago."""
    operator = await signed_in()
    await set_times(shop, created_at=ABSOLUTE)
    return operator


async def out_elsewhere(_shop: Shop) -> Operator:
    """A browser that another one has signed out."""
    operator = await signed_in()
    answer = await (await signed_in()).post('/admin/sign-out-everywhere')
    assert answer.status_code == 303
    return operator


async def knows_the_id(shop: Shop) -> Operator:
    """A browser with what the ledger holds of a sign-in, as in a stolen backup."""
    await signed_in()
    (row,) = await shop.ledger.store.read(select(schema.sign_ins))
    return Operator(cookie=row.id)


WITHOUT_RIGHT = [nobody, guessing, idle, too_old, out_elsewhere, knows_the_id]


@pytest.mark.parametrize('attacker', WITHOUT_RIGHT)
async def test_without_a_sign_in_every_route_leads_to_the_sign_in_page(
    routes: Routes, shop: Shop, attacker: Callable[[Shop], Any]
) -> None:
    """Whatever the method: no content, no page for a websocket, no change, and nobody is told what exists."""
    operator: Operator = await attacker(shop)
    before, pages = await contents(shop), set(Client.instances)
    tried = routes.all('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')
    for method, path in [*tried, ('GET', '/admin/none'), ('POST', '/admin/none'), ('DELETE', '/admin')]:
        answer = await operator.send(method, path, data=FIELDS if method == 'POST' else None)
        assert answer.status_code == 303, (method, path)
        assert answer.headers['location'].partition('?')[0] == LOGIN, (method, path)
        assert answer.headers['cache-control'] == 'no-store'
        assert 'set-cookie' not in answer.headers
        assert answer.content == b''
    assert set(Client.instances) == pages
    assert await contents(shop) == before


@pytest.mark.parametrize('headers', WRONG_FORMS.values(), ids=WRONG_FORMS.keys())
async def test_no_form_of_another_site_is_taken(routes: Routes, shop: Shop, headers: dict[str, str]) -> None:
    """Even with the cookie and the right token each action is refused; the sign-in form as well."""
    operator = await signed_in()
    token = await operator.form_token()
    before = await contents(shop)
    for method, path in [*routes.all('POST'), ('POST', LOGIN)]:
        form = {'token': token, 'password': PASSWORD, **FIELDS}
        answer = await operator.send(method, path, data=form, headers=headers)
        assert answer.status_code == 403, path
        assert 'Nothing was changed' in answer.text
        assert 'set-cookie' not in answer.headers
    assert await contents(shop) == before


async def test_no_form_without_its_own_token_is_taken(routes: Routes, shop: Shop) -> None:
    """No token, an empty one, one of another sign-in, one that is too long: each action is refused."""
    operator, other = await signed_in(), await signed_in()
    own, foreign = await operator.form_token(), await other.form_token()
    before = await contents(shop)
    for token in ({}, {'token': ''}, {'token': foreign}, {'token': own + 'a'}, {'token': own[:-1]}):
        for method, path in routes.all('POST'):
            answer = await operator.send(method, path, data=FIELDS | token)
            assert answer.status_code == 403, path
            assert 'Nothing was changed' in answer.text
    assert await contents(shop) == before


async def test_only_posting_changes_something(routes: Routes, shop: Shop) -> None:
    """A link to any address of the admin, which brings no cookie from elsewhere, changes nothing anyway."""
    operator = await signed_in()
    before = await contents(shop)
    for method, path in routes.all('GET', 'HEAD', 'POST'):
        answer = await operator.send('HEAD' if method == 'HEAD' else 'GET', path)
        assert answer.status_code in (200, 303, 404, 405), (method, path)
    assert await contents(shop) == before


async def test_no_page_can_be_framed_cached_or_indexed(routes: Routes) -> None:
    """Every page says so, the sign-in page too; none allows eval, and forms go to this shop only."""
    operator = await signed_in()
    pages = [path for _, path in routes.all('GET')]
    for answer in [await operator.get(path) for path in pages] + [await Operator().get(LOGIN)]:
        headers = answer.headers
        policy = headers['content-security-policy']
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy or "default-src 'none'" in policy
        assert 'unsafe-eval' not in policy
        assert headers['x-frame-options'] == 'DENY'
        assert headers['cache-control'] == 'no-store'
        assert headers['referrer-policy'] == 'same-origin'
        assert headers['x-content-type-options'] == 'nosniff'
        if headers.get('content-type', '').startswith('text/html'):
            assert 'noindex' in answer.text


@pytest.mark.parametrize('length', [64 * 1024 + 1, 512 * 1024 + 1, 10_000_000])
async def test_no_action_reads_an_endless_body(routes: Routes, shop: Shop, length: int) -> None:
    """A form above 64 KB is refused with 413, whether its length is said before or not.

    Texts may be longer: a form of theirs is refused above 512 KB.
    """
    operator = await signed_in()
    before = await contents(shop)

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, length, 65536):
            yield b'x' * min(65536, length - start)

    headers = {'origin': ORIGIN, 'content-type': 'application/x-www-form-urlencoded'}
    paths = [path for _, path in [*routes.all('POST'), ('POST', LOGIN)]]
    assert TEXTS in paths
    for path in [path for path in paths if path != TEXTS or length > 512 * 1024]:
        for content in (body(), b'x' * length):
            answer = await operator.send('POST', path, content=content, headers=headers)
            assert answer.status_code == 413, path
    assert await contents(shop) == before
