"""The page about selling, and what the landing page shows while selling is stopped."""

import asyncio
import re
from datetime import time
from pathlib import Path

import pytest

from services.orders import State
from services.rehearsal import Hop, Outcome, Part, child, to_json
from services.shop import Shop
from tests.pages.admin import PASSWORD, Operator
from tests.pages.conftest import Way
from tests.pages.customer import Customer, words
from tests.pages.outline import app_html
from tests.sandbox_client import SandboxClient
from ui.admin.rehearsal import BEYOND

TEXT = 'On holiday <until> Monday.\n\nPlease call.'
PATH = '/admin/selling'
CRAWLER = {'user-agent': 'Googlebot/2.1'}


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop with an admin."""
    return settings_env | {'ADMIN_PASSWORD': PASSWORD}


def shown(page: str) -> tuple[bool, bool]:
    """Whether a landing page shows the operator's text, and whether it shows a button that can be pressed."""
    buttons = re.findall(r'<button[^>]*>', app_html(page))
    assert len(buttons) == 2
    usable = [tag for tag in buttons if ' disabled' not in tag and 'hidden' not in tag]
    return 'On holiday &lt;until&gt; Monday.' in page, bool(usable)


async def test_the_text_stands_in_place_of_the_button(customer: Customer, operator: Operator) -> None:
    """On the page that is built and on the one from memory; both sell again afterwards."""

    async def both() -> set[tuple[bool, bool]]:
        pages = [await customer.http.get('/'), await customer.http.get('/', headers=CRAWLER)]
        return {shown(page.text) for page in pages}

    assert await both() == {(False, True)}
    answer = await operator.post(f'{PATH}/stop', text=TEXT)
    assert (answer.status_code, answer.headers['location']) == (303, PATH)
    assert await both() == {(True, False)}
    await operator.post(f'{PATH}/resume')
    assert await both() == {(False, True)}


async def test_an_open_page_changes_by_itself(customer: Customer, operator: Operator) -> None:
    """A connected page shows the text without its button, and the button again when selling goes on."""
    await customer.open('/')
    await operator.post(f'{PATH}/stop', text=TEXT)
    await customer.until(lambda: 'On holiday <until> Monday.' in customer.text)
    assert not customer.is_usable()
    assert not customer.buttons[0].visible
    await operator.post(f'{PATH}/resume')
    await customer.until(customer.is_usable)
    assert customer.buttons[0].visible
    assert 'On holiday' not in customer.text


async def test_the_form_leads_back_to_the_text(customer: Customer, operator: Operator, shop: Shop) -> None:
    """A form that was loaded before posts nothing to Stripe; the page it leads to shows the text."""
    await operator.post(f'{PATH}/stop', text=TEXT)
    answer = await customer.http.post('/checkout', data={'shown': '15000-usd'})
    assert answer.status_code == 303
    page = await customer.http.get(answer.headers['location'])
    assert shown(page.text) == (True, False)


async def test_who_has_paid_gets_the_calendar(
    customer: Customer, operator: Operator, way: Way, shop: Shop
) -> None:
    """A session that was paid before it could be closed is an order like every other."""
    session_id = await way.pay()
    await operator.post(f'{PATH}/stop', text=TEXT)
    await shop.reconciler.round()
    path = await way.arrive(session_id)
    order = await shop.fulfilment.find(path.rpartition('/')[2])
    assert order is not None
    assert order.state is State.PAID
    assert 'Payment Successful' in customer.text


REHEARSE = """
import json, pathlib, sys, threading
while not pathlib.Path(__file__).with_name('go').exists():
    threading.Event().wait(0.02)
print(json.dumps({'hops': HOPS}))
"""


async def test_a_rehearsal_is_made_once(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button has one made, however often the form is sent; the page says what is found."""
    hops = (
        Hop(Part.SANDBOX, 'A time is booked', Outcome.FAILED, 'No <time> is free.', 1234),
        Hop(Part.TEST_KEYS, 'The session is paid', Outcome.NOT_POSSIBLE, 'there is no call for it', 0),
    )
    (tmp_path / 'main.py').write_text(REHEARSE.replace('HOPS', to_json(hops)))
    monkeypatch.setattr(child, 'HOME', tmp_path)
    page = words((await operator.get(PATH)).text)
    assert 'Nothing was rehearsed yet.' in page
    assert BEYOND['test'] in page
    for _ in range(2):
        answer = await operator.post(f'{PATH}/rehearsal', form='a')
        assert (answer.status_code, answer.headers['location']) == (303, f'{PATH}#rehearsal')
    page = words((await operator.get(PATH)).text)
    assert 'It is being rehearsed' in page
    assert 'Rehearse now' not in page
    (tmp_path / 'go').touch()
    async with asyncio.timeout(30):
        while 'It is being rehearsed' in page:
            html = (await operator.get(PATH)).text
            page = words(html)
    assert 'failed: No &lt;time&gt; is free.' in html
    assert '1 of 2 steps failed' in page
    assert '1,234 ms' in page
    assert 'not possible: there is no call for it' in page
    assert 'by admin' in page
    assert 'Rehearse now' in page


async def test_the_schedule_is_set_on_the_page(operator: Operator, shop: Shop) -> None:
    """A time turns it on or changes it, no time turns it off, and what is no time changes nothing."""
    assert 'Rehearse every night' in words((await operator.get(PATH)).text)
    await operator.post(f'{PATH}/rehearsal-at-night', at='23:45')
    page = words((await operator.get(PATH)).text)
    assert 'Every night at 11:45 PM' in page
    assert 'OPERATOR_EMAIL and SMTP_URL are needed' in page
    answer = await operator.post(f'{PATH}/rehearsal-at-night', at='25:00')
    assert answer.status_code == 400
    assert '03:00' in words(answer.text)
    assert (await shop.rehearsals.schedule()).at == time(23, 45)
    await operator.post(f'{PATH}/rehearsal-at-night')
    assert not (await shop.rehearsals.schedule()).is_on
    assert 'Rehearse every night' in words((await operator.get(PATH)).text)


@pytest.mark.parametrize(
    ('mode', 'sentence'),
    [('demo', 'This is the demo'), ('test', 'You have test keys'), ('live', 'You have live keys')],
)
def test_the_page_says_what_is_rehearsed(mode: str, sentence: str) -> None:
    """With live keys it says that only the simulation is used, and why."""
    assert sentence in BEYOND[mode]
    assert ('real money' in BEYOND[mode]) is (mode == 'live')


async def test_the_page_says_how_it_stands(operator: Operator) -> None:
    """It names the switch's state, the price, the keys and each check with what helps."""
    page = words((await operator.get(PATH)).text)
    assert 'Stop selling' in page
    assert 'If you stop: the start page shows your text' in page
    assert '$150' in page
    assert 'test keys: no money moves' in page
    assert 'whether a customer has booked cannot be known' in page or 'bookings' in page
    await operator.post(f'{PATH}/stop', text=TEXT)
    html = (await operator.get(PATH)).text
    assert 'Selling is stopped' in words(html)
    assert 'Sell again' in words(html)
    assert 'On holiday &lt;until&gt; Monday.' in html


async def test_everything_can_be_checked_with_one_button(operator: Operator, sandbox: SandboxClient) -> None:
    """The findings of the command, the worst first, each with what helps."""
    assert 'Check everything now' in words((await operator.get(PATH)).text)
    sandbox.act('price', active=False)
    answer = await operator.post(f'{PATH}/check')
    page = words(answer.text)
    assert answer.status_code == 200
    assert 'is not active' in page
    assert 'make an active, one-time price' in page
    assert page.index('is not active') < page.index('Stripe accepts it')


@pytest.mark.parametrize('text', ['', '   ', 'x' * 1001])
async def test_a_stop_needs_words(operator: Operator, shop: Shop, text: str) -> None:
    """Without a text, or with one that is too long, nothing is switched."""
    answer = await operator.post(f'{PATH}/stop', text=text)
    assert answer.status_code == 400
    assert '1 to 1000 characters' in words(answer.text)
    assert await shop.selling.is_on()


async def test_a_text_with_hidden_characters_stops_nothing(operator: Operator, shop: Shop) -> None:
    """It could turn round what stands beside it."""
    answer = await operator.post(f'{PATH}/stop', text='Closed\u202e until Monday')
    assert answer.status_code == 400
    assert 'a character that cannot be seen (U+202E)' in words(answer.text)
    assert await shop.selling.is_on()
