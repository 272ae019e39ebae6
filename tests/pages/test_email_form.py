"""The form on the page of an order that corrects its e-mail address."""

from services.shop import Shop
from tests.pages.conftest import Way, order_at
from tests.pages.customer import Customer, words


async def test_a_corrected_address_without_script(customer: Customer, way: Way, shop: Shop) -> None:
    """A wrong address gives the form again, a right one leads to the order, the next must wait."""
    path = await way.arrive(await way.pay(email='pta@example.com'))
    assert f'action=\\"{path}/email' in (await customer.http.get(path)).text

    wrong = await customer.http.post(f'{path}/email', data={'email': 'pat@example'})
    assert (wrong.status_code, wrong.headers['cache-control']) == (400, 'no-store')
    assert 'That is not a complete e-mail address.' in words(wrong.text)
    assert f'action="{path}/email"' in wrong.text

    right = await customer.http.post(f'{path}/email', data={'email': 'pat@example.com', 'page': 'nobodys'})
    assert (right.status_code, right.headers['location']) == (303, f'{path}?corrected=1')
    await customer.open(right.headers['location'])
    assert 'Done. From now on we write to pat@example.com.' in customer.text
    assert 'Paid by pta@example.com' in customer.text
    assert (await order_at(shop, path)).email == 'pat@example.com'

    again = await customer.http.post(f'{path}/email', data={'email': 'sam@example.com'})
    assert again.status_code == 429
    assert 'less than an hour ago' in words(again.text)


async def test_who_has_no_link_corrects_nothing(customer: Customer, way: Way) -> None:
    """An invented token is not found; neither is an order that is not paid."""
    path = await way.arrive(await way.start())
    for url in ('/order/invented-token-of-nobody/email', f'{path}/email'):
        answer = await customer.http.post(url, data={'email': 'pat@example.com'})
        assert answer.status_code == 404


async def test_the_form_names_the_page_that_is_open(customer: Customer, way: Way) -> None:
    """Another order's page is not answered by 204, whoever names it."""
    first = await way.arrive(await way.pay(email='pta@example.com'))
    page = customer.client.id
    second = await way.arrive(await way.pay(email='sam@example.com'))
    answer = await customer.http.post(f'{second}/email', data={'email': 'max@example.com', 'page': page})
    assert answer.status_code == 303
    assert first != second
