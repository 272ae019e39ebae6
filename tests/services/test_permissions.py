"""A restricted key: which permissions the shop needs, and how it says that one is missing."""

import logging
import re
from contextlib import suppress

import pytest

from services.errors import PaymentsUnavailable
from services.orders import Cause, State
from services.payments import FOR_BUTTONS, FOR_SET_UP, PERMISSIONS, create_key_url
from services.sandbox.stripe.endpoints import ENDPOINTS
from services.sandbox.stripe.expand import permissions_of
from services.settings import parse_settings
from services.shop import Shop, build
from tests.processes import ROOT
from tests.services.admin import ACTOR, want_refund
from tests.services.conftest import Customer, fulfilled

RESTRICTED = 'rk_test_sandboxNoMoneyMoves00000002'
NEEDED_TO_SELL = {'checkout_session_write', 'plan_read'}


async def test_the_list_of_permissions_is_what_the_shop_asks_for(
    customer: Customer, settings_env: dict[str, str]
) -> None:
    """The life of an order needs exactly these permissions; the account may stay unknown."""
    shop = build(parse_settings(settings_env | {'INVOICES': '1'}))
    await shop.open()
    await shop.warm_up()
    session = await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
    customer.sandbox.pay(session.id, card='4000000000009235')
    customer.sandbox.act('review', session=session.id, reason='approved')
    customer.sandbox.act('refund', session=session.id, amount=100)
    customer.sandbox.act('dispute', session=session.id)
    await shop.reconciler.round()
    order = await shop.ledger.orders.find(session_id=session.id)
    assert order is not None
    customer.sandbox.act('review', session=session.id)
    await shop.fulfilment.fulfil_payment(order.facts.payment_id, because=Cause.WEBHOOK)
    await shop.close()
    requests = customer.sandbox.requests('/v1/')
    asked = {_permission(request) for request in requests}
    for request in requests:
        paths = [value for name, value in dict(request['params']).items() if name.startswith('expand')]
        asked |= set(permissions_of(paths))
    # Write includes read.
    assert asked - {'checkout_session_read', 'connected_account_read'} == set(PERMISSIONS)


@pytest.mark.parametrize('slug', sorted(set(PERMISSIONS) - NEEDED_TO_SELL))
async def test_a_missing_permission_is_named_once_and_no_session_read_fails(
    customer: Customer, settings_env: dict[str, str], slug: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The customer gets what was paid for; the operator reads what the key lacks, once."""
    customer.sandbox.act('key', missing_permissions=[slug])
    shop = build(parse_settings(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED, 'INVOICES': '1'}))
    await shop.open()
    session = await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
    customer.sandbox.pay(session.id)
    caplog.set_level(logging.ERROR)
    for _ in range(2):
        order = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
        await shop.reconciler.round()
    assert order is not None
    assert order.state is State.PAID
    named = [record.getMessage() for record in caplog.records if f'rak_{slug}' in record.getMessage()]
    seldom = {'dispute_read', 'review_read'}  # asked for only where there is a dispute or a review
    assert len(named) == (0 if slug in seldom else 1)
    checks = {check.name: check for check in await shop.health()}
    assert (PERMISSIONS[slug][0] in checks['stripe key'].problem) is bool(named)
    await shop.close()


@pytest.mark.parametrize(
    'slug', ['payment_intent_read', 'charge_read', 'dispute_read', 'review_read', 'checkout_session_read']
)
@pytest.mark.parametrize(
    ('actions', 'state'),
    [
        ((('refund', {}),), State.REFUNDED),
        ((('refund', {'amount': 5000}),), State.PARTLY_REFUNDED),
        ((('dispute', {}), ('dispute', {'status': 'lost'})), State.LOST),
        ((('dispute', {'status': 'open'}), ('dispute', {'status': 'won'})), State.PAID),
        ((('dispute', {'status': 'open'}),), State.DISPUTED),
        ((('review', {}),), State.UNDER_REVIEW),
        ((('review', {'reason': 'approved'}),), State.PAID),
    ],
)
async def test_what_cannot_be_read_stays_as_it_is_known(
    customer: Customer,
    settings_env: dict[str, str],
    slug: str,
    actions: tuple[tuple[str, dict[str, object]], ...],
    state: State,
) -> None:
    """A permission that is taken away does not mean that nothing was refunded: no calendar opens."""
    shop = build(parse_settings(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED}))
    await shop.open()
    session = await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
    under_review = actions[0][0] == 'review'
    customer.sandbox.pay(session.id, **({'card': '4000000000009235'} if under_review else {}))
    await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    for action, options in actions:
        if action != 'review' or options:
            customer.sandbox.act(action, session=session.id, **options)
    known = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    assert known is not None
    assert known.state is state
    customer.sandbox.act('key', missing_permissions=[slug])
    for _ in range(2):
        with suppress(PaymentsUnavailable):  # without the session itself nothing is read at all
            await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
        assert await shop.ledger.orders.find(session_id=session.id) == known
    await shop.close()


async def test_a_review_that_cannot_be_read_counts_as_open(
    customer: Customer, settings_env: dict[str, str]
) -> None:
    """A new payment that names a review waits, and the missing permission is named."""
    customer.sandbox.act('key', missing_permissions=['review_read'])
    shop = build(parse_settings(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED}))
    await shop.open()
    session = await shop.checkout.start(browser_id='b', because=Cause.BUTTON)
    customer.sandbox.pay(session.id, card='4000000000009235')
    order = await shop.fulfilment.fulfil(session.id, because=Cause.WEBHOOK)
    assert order is not None
    assert order.state is State.UNDER_REVIEW
    assert shop.payments.missing.rows() == [PERMISSIONS['review_read'][0]]
    customer.sandbox.act('key', missing_permissions=[])
    customer.sandbox.act('review', session=session.id, reason='approved')
    order = await shop.fulfilment.fulfil(session.id, because=Cause.RECONCILER)
    assert order is not None
    assert order.state is State.PAID
    await shop.close()


async def test_the_recommended_key_starts_without_a_warning(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A key with exactly the listed permissions lacks nothing; that it may not read its account is normal."""
    everything = {endpoint.permission for endpoint in ENDPOINTS} | set(PERMISSIONS)
    assert 'connected_account_read' in everything
    # Write includes read.
    lacks = everything - set(PERMISSIONS) - {'checkout_session_read'}
    customer.sandbox.act('key', missing_permissions=sorted(lacks))
    shop = build(parse_settings(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED}))
    caplog.set_level(logging.INFO)
    await shop.open()
    await shop.warm_up()
    await shop.reconciler.round()
    assert [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING] == []
    assert shop.payments.environment.account == ''
    assert shop.payments.missing.rows() == []
    await shop.close()


async def test_a_permission_that_is_granted_is_not_called_missing_any_more(
    customer: Customer, settings_env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The next request that needs it succeeds, without a restart; when it is taken again a line says so."""
    shop = build(parse_settings(settings_env | {'STRIPE_SECRET_KEY': RESTRICTED}))
    await shop.open()
    for _ in range(2):
        customer.sandbox.act('key', missing_permissions=['event_read'])
        for _ in range(2):
            await shop.reconciler.round()
        assert shop.payments.missing.rows() == [PERMISSIONS['event_read'][0]]
        customer.sandbox.act('key', missing_permissions=[])
        await shop.reconciler.round()
        assert shop.payments.missing.rows() == []
    assert len([line for line in caplog.messages if 'rak_event_read' in line]) == 2
    await shop.close()


async def test_only_the_buttons_of_the_admin_write_to_payments(
    customer: Customer, other_customer: Customer, shop: Shop
) -> None:
    """A refund and a draft of evidence need these permissions, and nothing else needs them."""
    first = await fulfilled(customer, await customer.buy())
    await want_refund(shop, first)
    second = await fulfilled(other_customer, await other_customer.buy(card='4000000000000259'))
    await shop.actions.evidence.request_draft(second, form='f', actor=ACTOR)
    await shop.effects.run()
    asked = {_permission(request) for request in customer.sandbox.requests('/v1/')}
    assert asked - set(PERMISSIONS) - {'checkout_session_read'} == set(FOR_BUTTONS)


def test_the_readme_lists_the_permissions() -> None:
    """README names each row of the Dashboard, and links the forms in which they are ticked."""
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    for row, _ in (*PERMISSIONS.values(), *FOR_BUTTONS.values(), *FOR_SET_UP.values()):
        assert row in readme
    assert create_key_url() + '\n' in readme
    assert create_key_url(for_buttons=True) + '\n' in readme


def _permission(request: dict[str, object]) -> str:
    path = re.sub(r'^/stripe', '', str(request['path']))
    found = next((item for item in ENDPOINTS if item.match(str(request['method']), path) is not None), None)
    return found.permission if found else ''
