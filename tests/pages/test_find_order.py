"""The page "I already paid": the same answer for everybody, and what it says without a mail server."""

import pytest
from httpx import Response

from services.shop import Shop
from tests.pages.conftest import Way
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient

KNOWN, UNKNOWN = 'pat@example.com', 'sam@example.com'


@pytest.fixture
def settings_env(
    settings_env: dict[str, str], sandbox: SandboxClient, request: pytest.FixtureRequest
) -> dict[str, str]:
    """Return the settings of a shop with a mail server, unless the test wants none."""
    return settings_env | (sandbox.mail_settings if getattr(request, 'param', True) else {})


async def posted(customer: Customer, email: str) -> Response:
    """Post the form."""
    return await customer.http.post('/find', data={'email': email})


def seen(answer: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return everything that a browser sees of an answer, but for what is random or a time."""
    headers = [(name, value) for name, value in answer.headers.multi_items() if name != 'date']
    return answer.status_code, headers, answer.content


async def test_nobody_learns_who_has_an_order(customer: Customer, way: Way) -> None:
    """Status, headers and bytes are the same for a known and an unknown address, also on the next page."""
    await way.arrive(await way.pay(email=KNOWN))
    known, unknown = await posted(customer, KNOWN), await posted(customer, UNKNOWN)
    assert seen(known) == seen(unknown)
    assert (known.status_code, known.headers['location']) == (303, '/find?sent=1')
    pages = [await customer.http.get(answer.headers['location']) for answer in (known, unknown)]
    assert seen(pages[0]) == seen(pages[1])
    assert 'Look into your mailbox' in words(pages[0].text)
    # Above the limit of an address as well.
    assert {str(seen(await posted(customer, KNOWN))) for _ in range(4)} == {str(seen(unknown))}


async def test_the_mail_leads_back_to_the_order(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """The link in the mail is the page of the order."""
    path = await way.arrive(await way.pay(email=KNOWN))
    await posted(customer, KNOWN)

    def links() -> list[str]:
        return [mail['text'] for mail in sandbox.mails(KNOWN) if mail['subject'] == 'The link to your order']

    await customer.until(lambda: bool(links()))
    (text,) = links()
    assert f'http://localhost:3000{path}\n' in text


@pytest.mark.parametrize('email', ['', 'pat', 'pat@example', 'pat@@example.com', '<b>@example.com'])
async def test_a_malformed_address_is_refused_in_words(customer: Customer, email: str) -> None:
    """The page says what an address looks like, names the field as wrong, and does not repeat the text."""
    answer = await posted(customer, email)
    assert answer.status_code == 400
    assert 'That is not a complete e-mail address.' in words(answer.text)
    assert 'aria-invalid="true" aria-describedby="email-error"' in answer.text
    assert not email or f'{email}"' not in answer.text.replace('name@example.com', '')


@pytest.mark.parametrize(
    ('content', 'kind', 'status'),
    [
        (b'{}', 'application/json', 415),
        (b'email=' + b'x' * 5000, 'application/x-www-form-urlencoded', 413),
        (b'\xff', 'application/x-www-form-urlencoded', 400),
    ],
)
async def test_another_body_is_refused(customer: Customer, content: bytes, kind: str, status: int) -> None:
    """A body that our page would not send is answered with a 4xx page."""
    answer = await customer.http.post('/find', content=content, headers={'Content-Type': kind})
    assert (answer.status_code, 'That did not work' in answer.text) == (status, True)


async def test_too_often_is_said(customer: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of a client the page says when to try again."""
    monkeypatch.setattr('services.rate_limit._networks', lambda _ip: ['203.0.113.7/32'])
    answers = [await posted(customer, f'pat{number}@example.com') for number in range(7)]
    assert [answer.status_code for answer in answers] == [303] * 6 + [429]
    assert 'Please try again in a minute.' in words(answers[-1].text)
    assert 'charged' not in answers[-1].text
    assert int(answers[-1].headers['retry-after']) in range(1, 61)


async def test_the_page_is_in_no_search_engine_and_no_cache(customer: Customer) -> None:
    """It needs no script, and HEAD is answered too."""
    page = await customer.http.get('/find')
    assert page.headers['x-robots-tag'] == 'noindex'
    assert page.headers['cache-control'] == 'no-store'
    assert '<meta name="robots" content="noindex">' in page.text
    assert '<script' not in page.text
    assert '/find' not in (await customer.http.get('/sitemap.xml')).text
    assert (await customer.http.head('/find')).status_code == 200


@pytest.mark.parametrize('settings_env', [False], indirect=True)
async def test_without_a_mail_server_the_page_names_the_contact(customer: Customer) -> None:
    """It promises no mail, and a form that was posted anyway leads to it."""
    page = await customer.http.get('/find?sent=1')
    text = words(page.text)
    assert '<form' not in page.text
    assert 'mailbox' not in text
    for part in ('(202) 555-0143', 'hello@coach.example', 'K7QM-2XPA', 'for 30 days'):
        assert part in text, part
    answer = await posted(customer, KNOWN)
    assert (answer.status_code, answer.headers['location']) == (303, '/find')


@pytest.mark.parametrize(
    ('settings_env', 'is_named'), [(True, True), (False, False)], indirect=['settings_env']
)
async def test_the_privacy_page_says_that_mail_is_sent(
    customer: Customer, shop: Shop, is_named: bool
) -> None:
    """Through a provider, and how long an address is kept; where no mail is sent it says nothing of that."""
    text = words((await customer.http.get('/privacy')).text)
    for part in ('mail provider', 'the address you typed for 30 days'):
        assert part in shop.site.privacy.mail.text
        assert (part in text) is is_named


@pytest.mark.parametrize('path', ['/nothing', '/order/nothing', '/success', '/order/nothing/session.ics'])
async def test_every_error_page_links_to_it(customer: Customer, path: str) -> None:
    """Whoever has lost the way finds it."""
    answer = await customer.http.get(path)
    assert answer.status_code in (400, 404)
    assert 'href="/find"' in answer.text


async def test_the_pages_of_other_errors_link_to_it_too(
    customer: Customer, shop: Shop, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method that is not allowed, Stripe's silence after a payment, and an error of ours.

    The test patches ``find`` of the orders to fail unexpectedly.
    """
    sandbox.fault('GET /v1/checkout/sessions/*', 'fail', status=500, times=None)
    answers = [
        await customer.http.post('/terms'),
        await customer.http.get('/success', params={'session_id': 'cs_test_unknown'}),
    ]

    async def fail(**_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(shop.ledger.orders, 'find', fail)
    answers.append(await customer.http.get('/order/a-token/session.ics'))
    assert [answer.status_code for answer in answers] == [405, 503, 500]
    assert all('href="/find"' in answer.text for answer in answers)


async def test_the_landing_page_links_to_it_twice(customer: Customer) -> None:
    """Below the first button and beside the questions; on the cached page too."""
    for headers in ({}, {'User-Agent': 'Googlebot'}):
        assert (await customer.http.get('/', headers=headers)).text.count('/find') >= 2
