"""What the admin reads: the list of orders, what needs a hand, the overview, one order."""

from services.admin.orders_view import OrdersView
from services.shop import Shop
from tests.services.conftest import Customer, fulfilled, on_both_databases

pytestmark = on_both_databases


async def test_a_text_finds_an_order_in_every_way(shop: Shop, customer: Customer) -> None:
    """Reference, name, e-mail address, Stripe's ids and the last four digits find it; another name does not."""
    order = await fulfilled(customer, await customer.buy(email='Ann@Example.com', name='Ann Smith'))
    texts = ['ann', 'ANN SM', 'ann@example.com', 'ANN@ex', order.reference, order.reference[:6].lower()]
    texts += [order.session_id or '', f'https://dashboard.stripe.com/{order.facts.payment_id}', '4242']
    for text in texts:
        page = await shop.reads.orders.page(OrdersView(text=text))
        assert [row.reference for row in page.rows] == [order.reference], text
    for text in ('smith', 'bob', 'nn@example.com', 'cs_test_unknown', '4241', '%', "'"):
        assert (await shop.reads.orders.page(OrdersView(text=text))).rows == (), text
