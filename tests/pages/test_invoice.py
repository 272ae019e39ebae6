"""The invoice on the page of an order: a link of ours that leads to Stripe's page."""

import pytest

from services.shop import Shop
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer, words


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop that has invoices made."""
    return settings_env | {'INVOICES': '1'}


async def test_the_page_leads_to_the_invoice(customer: Customer, shop: Shop, way: Way) -> None:
    """The link redirects to Stripe's page; a program that only checks the link is answered by the ledger."""
    path = await way.arrive(await way.pay())
    await customer.until(lambda: 'Open the invoice' in customer.text)
    order = await order_at(shop, path)
    answer = await customer.http.get(f'{path}/invoice')
    assert (answer.status_code, answer.headers['location']) == (303, order.facts.invoice_url)
    assert answer.headers['cache-control'] == 'no-store'
    assert answer.headers['referrer-policy'] == 'no-referrer'
    assert (await customer.http.head(f'{path}/invoice')).status_code == 200
    assert (await customer.http.get(f'{path}/invoice).')).headers['location'] == path


async def test_where_no_invoice_is_known_there_is_no_way_to_it(customer: Customer, way: Way) -> None:
    """An order that is not paid, and a token that nobody has, are answered as an unknown order."""
    path = await way.back(await way.start())
    for url in (f'{path}/invoice', '/order/unknown/invoice'):
        answer = await customer.http.get(url)
        assert answer.status_code == 404
        assert 'your payment is safe' in words(answer.text)
        assert (await customer.http.head(url)).status_code == 404
