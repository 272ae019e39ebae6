"""The pages of the admin for export and for forgetting a customer."""

import csv
import io
import json

import pytest

from services.orders import Cause, Facts
from services.shop import Shop
from tests.factories import an_order
from tests.pages.admin import PASSWORD, Operator
from tests.pages.customer import words

GONE = Facts('expired', 'unpaid', email='nobody@coach.test', name='=Nobody')


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop with an admin."""
    return settings_env | {'ADMIN_PASSWORD': PASSWORD}


@pytest.fixture
async def operator(operator: Operator, shop: Shop) -> Operator:
    """A signed-in browser of the operator of a shop with one order."""
    await shop.ledger.orders.add(an_order(facts=GONE), because=Cause.BUTTON)
    return operator


async def test_an_export_is_a_download(operator: Operator, shop: Shop) -> None:
    """It has a name, is kept by no cache, and stands in the journal of the admin."""
    assert 'action="/admin/export/download"' in (await operator.get('/admin/export')).text
    answer = await operator.get('/admin/export/download?subject=orders&format=csv&from=2026-01-01&to=')
    assert answer.status_code == 200
    name = 'paidslot-orders-from-2026-01-01.csv'
    assert answer.headers['content-disposition'] == f'attachment; filename="{name}"'
    assert answer.headers['content-type'] == 'text/csv; charset=utf-8'
    assert answer.headers['cache-control'] == 'no-store'
    (row,) = csv.DictReader(io.StringIO(answer.content.decode('utf-8-sig')))
    assert (row['reference'], row['name']) == ('ABCD-2345', "'=Nobody")
    (line,) = await shop.ledger.admin_journal.newest(limit=1)
    assert line.line == f'exported {name}'
    assert line.actor.startswith('admin')
    as_json = await operator.get('/admin/export/download?subject=journal&format=json')
    assert [each['reference'] for each in as_json.json()] == ['ABCD-2345']
    assert json.loads(as_json.text)


@pytest.mark.parametrize(
    ('query', 'problem'),
    [
        ('', ''),
        ('subject=secrets&format=csv', 'Please choose what to export, and how.'),
        ('subject=orders&format=csv&from=x%22%0d%0a', 'is no day; write it like 2026-11-30'),
        ('subject=orders&format=csv&from=2026-11-02&to=2026-11-01', '2026-11-02 is after 2026-11-01.'),
    ],
)
async def test_a_wrong_choice_is_said_on_the_page(operator: Operator, query: str, problem: str) -> None:
    """And what was chosen still stands there."""
    answer = await operator.get(f'/admin/export/download?{query}')
    assert answer.status_code == 303
    page = await operator.get(answer.headers['location'])
    assert problem in words(page.text)
    assert 'x"\r' not in page.text


@pytest.mark.usefixtures('customer')
async def test_nobody_else_gets_an_export() -> None:
    """Without a sign-in there is nothing but the way to it, whatever is asked for."""
    stranger = Operator()
    for path in ('/admin/export', '/admin/export/download?subject=orders&format=csv', '/admin/forget'):
        answer = await stranger.get(path)
        assert answer.status_code == 303
        assert answer.headers['location'].startswith('/admin/login')


async def test_a_customer_is_forgotten_after_a_page_that_says_what_will_happen(
    operator: Operator, shop: Shop
) -> None:
    """The page changes nothing; the form does, once, and needs its token."""
    page = await operator.get('/admin/forget?who=nobody%40coach.test')
    assert 'Order ABCD-2345' in words(page.text)
    assert 'Admin center > Security > Data deletion' in words(page.text)
    order = await shop.ledger.orders.find(reference='ABCD-2345')
    assert order is not None
    assert order.facts.email == 'nobody@coach.test'
    forged = await operator.send('POST', '/admin/forget', data={'who': 'nobody@coach.test'})
    assert forged.status_code == 403
    unchanged = await shop.ledger.orders.find(reference='ABCD-2345')
    assert unchanged == order
    for _ in range(2):  # a double click
        answer = await operator.post('/admin/forget', who='nobody@coach.test')
        assert (answer.status_code, answer.headers['location']) == (303, '/admin/forget?done=1')
    after = await shop.ledger.orders.find(reference='ABCD-2345')
    assert after is not None
    assert (after.facts.email, after.facts.name) == ('', '')
    lines = [line.line for line in await shop.ledger.admin_journal.newest(limit=9)]
    assert lines.count('a customer was forgotten: ABCD-2345') == 1
    assert 'The customer is forgotten.' in words((await operator.get('/admin/forget?done=1')).text)
    again = await operator.get('/admin/forget?who=abcd-2345')
    assert 'Order ABCD-2345 was erased earlier.' in words(again.text)
    nothing = await operator.get('/admin/forget?who=%3Cscript%3E')
    assert 'Nothing is known of it.' in words(nothing.text)
    assert '<script>' not in words(nothing.text)
