"""The URLs of an order: unknown ones, and what programs add to them or ask of them."""

import pytest
from nicegui import Client

from tests.pages.conftest import Way
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient
from ui.pages.order_urls import exact

PAID = '✓ Payment Successful!'


@pytest.mark.parametrize('path', ['/order/unknown', '/order/unknown/session.ics', '/order/%00'])
async def test_an_unknown_order_is_not_found(customer: Customer, path: str) -> None:
    """An unknown token is answered with a 404 page that has the contact."""
    answer = await customer.http.get(path)
    assert answer.status_code == 404
    assert 'your payment is safe' in words(answer.text)


@pytest.mark.parametrize(
    'added',
    [
        '/', '.', ',', ')', ']', '"', "'", '>', '%3E', '%22', '%253E', '%C2%A0', '%0A', '.)', '/index.html',
    ],
)  # fmt: skip
async def test_a_link_to_an_order_survives_what_is_added_to_it(
    customer: Customer, way: Way, added: str
) -> None:
    """Mail programs take what follows a link for a part of it; the page is found all the same."""
    path = await way.back(await way.pay())
    answer = await customer.http.get(path + added)
    assert (answer.status_code, answer.headers['location']) == (303, path)
    assert answer.headers['cache-control'] == 'no-store'
    assert answer.headers['referrer-policy'] == 'no-referrer'
    file = await customer.http.get(f'{path}/session.ics{added}')
    assert file.headers['location'] == f'{path}/session.ics'


@pytest.mark.parametrize('query', ['?utm_source=mail&fbclid=x', '?session_id=x', '?'])
async def test_parameters_for_tracking_change_nothing(customer: Customer, way: Way, query: str) -> None:
    """The page opens with them."""
    path = await way.back(await way.pay())
    assert PAID in (await customer.http.get(path + query)).text


def test_a_path_is_read_as_it_was_meant() -> None:
    """Encoded once more, inside brackets, or with text around it."""
    for rest in ('abc%2D_1', '<abc-_1>', ' abc-_1', 'abc-_1%2F', 'abc%252D_1.', 'abc-_1/session.pdf'):
        assert exact(rest) == 'abc-_1'
    assert exact('abc/session.ics/') == 'abc/session.ics'
    token = 'tBnY6IfpPCakX0U-RgW1nEr_LLahIon0'
    assert exact(f'See:{token}') == exact(f'https://coach.example/order/{token}') == token
    assert exact('<>') == ''


async def test_link_checkers_get_no_error(customer: Customer, way: Way, sandbox: SandboxClient) -> None:
    """HEAD is answered without building a page and without asking Stripe."""
    path = await way.back(await way.pay())
    unknown, built = f'cs_test_{"a" * 58}', len(Client.instances)
    for url, status in {
        path: 200,
        f'{path}.': 303,
        f'{path}/session.ics': 404,
        '/order/unknown': 404,
        f'/success?session_id={unknown}': 200,
        '/success': 400,
    }.items():
        answer = await customer.http.head(url)
        assert (answer.status_code, answer.headers['cache-control']) == (status, 'no-store'), url
    assert (sandbox.requests(unknown), len(Client.instances)) == ([], built)
