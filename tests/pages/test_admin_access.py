"""Signing in to the admin, and out of it."""

import pytest

from services.shop import Shop
from tests.pages.admin import PASSWORD, Operator
from tests.pages.customer import Customer, words


@pytest.fixture
def settings_env(settings_env: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of a shop with an admin, unless the test wants none."""
    return settings_env | getattr(request, 'param', {'ADMIN_PASSWORD': PASSWORD})


@pytest.fixture
def operator(customer: Customer) -> Operator:
    """A browser of the operator that is not signed in."""
    return Operator(customer.http)


async def test_the_password_opens_the_admin(operator: Operator, shop: Shop) -> None:
    """Whoever types it is led to the first page; the journal of the admin tells when and from where."""
    first = await operator.get('/admin')
    assert (first.status_code, first.headers['location']) == (303, '/admin/login')
    answer = await operator.sign_in()
    assert (answer.status_code, answer.headers['location']) == (303, '/admin')
    page = await operator.get('/admin')
    assert page.status_code == 200
    assert 'Overview' in words(page.text)
    assert [line.line for line in await shop.ledger.admin_journal.newest(limit=9)] == ['signed in']
