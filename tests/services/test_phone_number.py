"""The telephone number: asked for at Stripe where the shop wants it, and filled in at Calendly."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from services.orders import Order
from services.settings import parse_settings
from services.shop import Shop, build
from tests.factories import CREATE
from tests.processes import ROOT
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Customer, fulfilled

NUMBER = '+1 (202) 555-0147'


async def filled_in(shop: Shop, order: Order) -> dict[str, list[str]]:
    """Return what the calendar of a paid order has filled in."""
    url = await shop.calendar.url(order)
    assert url is not None
    return parse_qs(urlsplit(url).query)


async def test_the_number_of_the_payment_is_in_the_calendar(
    settings_env: dict[str, str], sandbox: SandboxClient, tmp_path: Path
) -> None:
    """Where the shop asks for one and the event type asks for one too, it is filled in exactly."""
    texts = (ROOT / 'site.toml').read_text()
    site_file = tmp_path / 'site.toml'
    site_file.write_text(texts.replace('# asks_phone = true', 'asks_phone = true'))
    shop = build(parse_settings(settings_env | {'SITE_FILE': str(site_file)}))
    await shop.open()
    customer = Customer(shop, sandbox, 'browser')
    order = await fulfilled(customer, await customer.buy(phone=NUMBER))
    parameters = await filled_in(shop, order)
    await shop.close()
    assert dict(sandbox.requests(CREATE)[-1]['params'])['phone_number_collection[enabled]'] == 'true'
    assert order.facts.phone == NUMBER
    assert parameters['a1'] == [NUMBER]


async def test_no_number_is_asked_for_by_default(customer: Customer) -> None:
    """Nothing is filled in then."""
    order = await fulfilled(customer, await customer.buy())
    assert 'a1' not in await filled_in(customer.shop, order)
    sent = dict(customer.sandbox.requests(CREATE)[-1]['params'])
    assert sent['phone_number_collection[enabled]'] == 'false'
