"""The forms of the admin: each does one thing once, and leads back to a page that says what became of it."""

import asyncio

import pytest

from services.admin import Result
from services.admin.actions.results import DONE, WORDS
from services.orders import Cause, Order
from services.shop import Shop
from tests.pages.admin import PASSWORD, Operator
from tests.pages.conftest import Way
from tests.pages.customer import Customer
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient
from ui.admin.actions import ORDER_FORMS, OTHER_FORMS, order_path

FORM = 'f' * 32


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """The settings of a shop with an admin."""
    return settings_env | {'ADMIN_PASSWORD': PASSWORD}


@pytest.fixture
async def paid(way: Way, shop: Shop) -> Order:
    """A paid order."""
    session = await way.pay()
    order = await shop.fulfilment.fulfil(session, because=Cause.WEBHOOK)
    assert order is not None
    return order


async def result_of(operator: Operator, path: str, **fields: str) -> tuple[str, Result]:
    """Post a form; return where it leads and what the URL says."""
    answer = await operator.post(path, form=FORM, **fields)
    assert answer.status_code == 303, answer.text
    page, _, result = str(answer.headers['location']).partition('?result=')
    return page, Result(result)


async def refund(operator: Operator, order: Order, **fields: str) -> Result:
    """Send the form of a refund and come back to the order."""
    form = {'left': '15000', 'reason': 'requested_by_customer'}
    page, result = await result_of(operator, order_path(order.reference, 'refund'), **form | fields)
    assert page == order_path(order.reference)
    return result


async def until_refunded(sandbox: SandboxClient, *amounts: int) -> None:
    """Wait until Stripe has made these refunds: the running shop makes them in the background.

    Args:
        sandbox: with Stripe.
        amounts: in minor units.
    """

    def is_refunded() -> bool:
        return [each['amount'] for each in sandbox.state()['refunds']] == list(amounts)

    await asyncio.to_thread(wait_until, is_refunded, seconds=10, why=f'refunded {amounts}')


async def test_a_refund_is_typed_in_the_main_unit(
    operator: Operator, shop: Shop, paid: Order, sandbox: SandboxClient
) -> None:
    """The journal names the sign-in; a second click changes nothing."""
    assert await refund(operator, paid, amount='49.50', cancel='yes') is Result.REFUND_BEGUN
    assert await refund(operator, paid, amount='49.50', cancel='yes') is Result.REFUND_KNOWN
    await until_refunded(sandbox, 4950)
    lines = await shop.ledger.journal.lines(paid.id)
    wanted = next(line for line in lines if line.line.startswith('refund of $49.50 wanted'))
    assert (wanted.because, wanted.actor.startswith('admin')) == (Cause.OPERATOR, True)


async def test_an_empty_amount_is_all_that_is_left(
    operator: Operator, paid: Order, sandbox: SandboxClient
) -> None:
    """The page says how much that is."""
    assert await refund(operator, paid) is Result.REFUND_BEGUN
    await until_refunded(sandbox, 15000)


@pytest.mark.parametrize(
    ('fields', 'result'),
    [
        ({'amount': '50,00'}, Result.NO_AMOUNT),
        ({'amount': '0'}, Result.NO_AMOUNT),
        ({'amount': '-5'}, Result.NO_AMOUNT),
        ({'amount': '150.01'}, Result.REFUND_TOO_MUCH),
        ({'left': 'x'}, Result.BAD_FORM),
        ({'left': ''}, Result.BAD_FORM),
        ({'left': '14000'}, Result.REFUND_CHANGED),
        ({'reason': ''}, Result.NO_REASON),
        ({'reason': 'regret'}, Result.NO_REASON),
        ({'reason': 'fraudulent'}, Result.FRAUD_NOT_CONFIRMED),
        ({'reason': 'fraudulent', 'blocks_customer': 'no'}, Result.FRAUD_NOT_CONFIRMED),
    ],
)
async def test_a_wrong_form_refunds_nothing(
    operator: Operator, shop: Shop, paid: Order, fields: dict[str, str], result: Result
) -> None:
    """It says what is wrong."""
    assert await refund(operator, paid, **fields) is result
    assert await shop.ledger.effects.of(paid.id) == ()


async def test_each_form_of_an_order_answers_with_a_result(
    operator: Operator, shop: Shop, paid: Order
) -> None:
    """With nothing but what every form has, none fails, and none refunds or cancels."""
    results = {}
    for form in ORDER_FORMS:
        page, results[form.path] = await result_of(operator, order_path(paid.reference, form.path))
        assert page == order_path(paid.reference)
    assert results == {
        'check': Result.CHECKED,
        'mail-link': Result.NO_MAIL,
        'calendar-link': Result.NEW_LINK,
        'email': Result.NO_EMAIL,
        'refund': Result.BAD_FORM,
        'cancel-booking': Result.NO_MEETING,
        'attach': Result.NO_BOOKING,
        'detach': Result.NO_BOOKING,
        'duplicate': Result.NO_DUPLICATE,
        'note': Result.NO_NOTE,
        'retry-effect': Result.BAD_FORM,
        'retry-mail': Result.NOTHING_TO_RETRY,
        'evidence': Result.NO_DISPUTE,
    }
    others = {form.path: (await result_of(operator, f'/admin/{form.path}'))[1] for form in OTHER_FORMS}
    assert others == {
        'unmatched/handled': Result.BAD_FORM,
        'unmatched/attach': Result.UNKNOWN,
        'deliveries/retry': Result.BAD_FORM,
    }


async def test_an_order_that_does_not_exist_leads_to_the_first_page(operator: Operator, paid: Order) -> None:
    """With the reason, for every form."""
    for form in ORDER_FORMS:
        assert await result_of(operator, f'/admin/orders/ZZZZ-ZZZZ/{form.path}') == ('/admin', Result.UNKNOWN)


async def test_an_unmatched_booking_is_attached_from_the_first_page(
    operator: Operator, shop: Shop, paid: Order, sandbox: SandboxClient
) -> None:
    """The reference may be typed in small letters."""
    booked = await asyncio.to_thread(sandbox.book, sandbox.calendly_link, name='A', email='a@example.com')
    await shop.booking_reader.read()
    fields = {'invitee_id': booked['uri'], 'reference': f' {paid.reference.lower()} '}
    assert await result_of(operator, '/admin/unmatched/attach', **fields) == ('/admin', Result.ATTACHED)
    assert [each.invitee_id for each in await shop.bookings.bookings(paid)] == [booked['uri']]


async def test_a_failure_of_ours_is_said_in_words_for_the_operator(
    operator: Operator,
    shop: Shop,
    paid: Order,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log has its id; the words for customers are not shown. Patched: nothing else fails there."""

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError('a bug')

    monkeypatch.setattr(shop.ledger.orders, 'move', fail)
    path = order_path(paid.reference, 'note')
    assert await result_of(operator, path, text='x') == (order_path(paid.reference), Result.FAILED)
    assert any('the action note failed unexpectedly [error ' in record.message for record in caplog.records)


async def test_nothing_is_done_without_a_sign_in_or_the_token(
    customer: Customer, operator: Operator, shop: Shop, paid: Order
) -> None:
    """For every form there is."""
    stranger, before = Operator(), await shop.ledger.journal.lines(paid.id)
    customer.http.cookies.clear()  # of the connection that both share
    paths = [order_path(paid.reference, form.path) for form in ORDER_FORMS]
    for path in (*paths, *(f'/admin/{form.path}' for form in OTHER_FORMS)):
        answer = await stranger.send('POST', path, data={'form': FORM, 'text': 'x'})
        assert (answer.status_code, answer.headers['location']) == (303, '/admin/login')
        answer = await operator.send('POST', path, data={'form': FORM, 'text': 'x', 'token': 'a' * 64})
        assert answer.status_code == 403
    assert await shop.ledger.journal.lines(paid.id) == before


def test_every_result_has_words() -> None:
    """One sentence or more, and each is a thing done or a thing refused."""
    assert set(WORDS) == set(Result)
    assert all(result.words.endswith('.') and result.words[0].isupper() for result in Result)
    assert set(Result) > DONE
