"""Pages are timed by the template of their path."""

from services.shop import Shop
from tests.pages.conftest import Way
from tests.pages.customer import Customer


async def test_a_page_is_timed_without_its_token(customer: Customer, shop: Shop, way: Way) -> None:
    """Landing and order pages are recorded apart; what is not a page is not recorded."""
    page = await way.back(await way.pay())
    for path in ('/', page, page, '/order/nobody', '/healthz'):
        await customer.http.get(path)
    text = shop.metrics.text().decode()
    assert 'paidslot_page_seconds_count{page="/"} 1.0' in text
    assert 'paidslot_page_seconds_count{page="/order/{token}"} 2.0' in text
    assert page.rpartition('/')[2] not in text
    assert 'healthz' not in text
