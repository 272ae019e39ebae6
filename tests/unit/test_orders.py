"""The state of an order follows from its facts, and a payment is ours only if every fact agrees."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders import (
    Environment,
    Facts,
    PaymentSession,
    PriceAdjustments,
    State,
    metadata_of,
    mismatch_of,
    new_reference,
    order_from,
)
from tests.factories import NOON, PAID, SHOP, a_session, an_order


@pytest.mark.parametrize(
    ('facts', 'state'),
    [
        (Facts(), State.OPEN),
        (Facts('open', 'unpaid'), State.OPEN),
        (Facts('open', 'unpaid', payment_failed=True), State.OPEN),
        (Facts('expired', 'unpaid'), State.EXPIRED),
        (Facts('complete', 'unpaid'), State.PROCESSING),
        (Facts('complete', 'unpaid', payment_failed=True), State.FAILED),
        (PAID, State.PAID),
        (replace(PAID, payment_status='no_payment_required', amount_total=0), State.PAID),
        (replace(PAID, amount_refunded=1), State.PARTLY_REFUNDED),
        (replace(PAID, amount_refunded=15000), State.REFUNDED),
        (replace(PAID, dispute_status='needs_response'), State.DISPUTED),
        (replace(PAID, dispute_status='won'), State.PAID),
        (replace(PAID, dispute_status='won', amount_refunded=15000), State.REFUNDED),
        (replace(PAID, dispute_status='lost'), State.LOST),
        (replace(PAID, mismatch='amount'), State.MISMATCH),
    ],
)
def test_the_state_follows_from_the_facts(facts: Facts, state: State) -> None:
    """Each set of facts has its one state."""
    assert an_order(facts=facts).state is state


def test_an_order_whose_session_was_never_written_down_expires_by_being_voided() -> None:
    """A voided order without facts is expired, a paid one stays paid."""
    assert an_order(voided_at=NOON).state is State.EXPIRED
    assert an_order(voided_at=NOON, facts=PAID).state is State.PAID


FACTS = st.builds(
    Facts,
    session_status=st.sampled_from(['', 'open', 'complete', 'expired']),
    payment_status=st.sampled_from(['', 'unpaid', 'paid', 'no_payment_required']),
    amount_total=st.sampled_from([None, 0, 15000]),
    payment_failed=st.booleans(),
    amount_refunded=st.sampled_from([0, 1, 15000]),
    dispute_status=st.sampled_from(['', 'needs_response', 'under_review', 'won', 'lost']),
    mismatch=st.sampled_from(['', 'amount']),
)


@given(facts=FACTS)
def test_no_facts_open_the_calendar_but_a_completed_payment_that_matches(facts: Facts) -> None:
    """Whatever else is true, an order opens its calendar only for a complete, paid, matching session."""
    if an_order(facts=facts).opens_calendar:
        assert facts.session_status == 'complete'
        assert facts.payment_status in ('paid', 'no_payment_required')
        assert facts.mismatch == ''
        assert facts.dispute_status != 'lost'
        assert not facts.amount_refunded or facts.amount_refunded < (facts.amount_total or 0)


@pytest.mark.parametrize(
    ('session', 'mismatch'),
    [
        (a_session(), ''),
        (a_session(replace(PAID, amount_subtotal=1, amount_total=1)), 'amount'),
        (a_session(replace(PAID, amount_subtotal=None)), 'amount, total'),
        (a_session(replace(PAID, seen_currency='eur')), 'currency'),
        (a_session(mode='subscription'), 'mode'),
        (a_session(livemode=True), 'environment'),
        (a_session(replace(PAID, amount_total=7500)), 'total'),
        (a_session(replace(PAID, amount_total=7500, amount_discount=7500)), 'discount'),
        (a_session(replace(PAID, amount_total=16500, amount_tax=1500)), 'tax'),
    ],
)
def test_every_fact_that_differs_is_named(session: PaymentSession, mismatch: str) -> None:
    """A payment that is not the one asked for is called so, with the reason."""
    assert mismatch_of(an_order(), session) == mismatch


def test_discounts_and_taxes_match_where_the_settings_allow_them() -> None:
    """What the operator allowed is no mismatch as long as the sum is right."""
    session = a_session(replace(PAID, amount_total=8250, amount_discount=7500, amount_tax=750))
    order = an_order(allowed=PriceAdjustments(discounts=True, taxes=True))
    assert mismatch_of(order, session) == ''


def test_an_order_can_be_written_again_from_the_metadata_of_its_session() -> None:
    """What we send to Stripe is enough to rebuild the order should the ledger be lost."""
    order = order_from(a_session(), domain=SHOP, environment=Environment('test'))
    assert order == an_order(session_id='cs_test_1', bookings_unknown=True)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('order_id', 'o' * 65),
        ('order_id', ''),
        ('reference', 'A' * 17),
        ('token', 'a b'),
        ('token', '\x00'),
        ('booking_key', 'k' * 500),
        ('offer', '../x'),
        ('price_id', 'é'),
        ('minutes', 'an hour'),
        ('sessions', ''),
        ('amount', '-1'),
        ('amount', '1' * 16),
        ('amount', '1e3'),
        ('currency', 'USD'),
        ('currency', 'us'),
    ],
)
def test_metadata_that_we_never_write_are_not_ours(name: str, value: str) -> None:
    """A text too long or too strange for its column is refused before it reaches one."""
    session = a_session(metadata=metadata_of(an_order()) | {name: value})
    assert order_from(session, domain=SHOP, environment=Environment('test')) is None


@pytest.mark.parametrize(
    ('old', 'now'),
    [
        ('https://Coach.Example', 'https://coach.example'),
        ('https://coach.example:443', 'https://coach.example'),
        ('https://coach.example.', 'https://coach.example'),
        ('https://Bücher.example', 'https://xn--bcher-kva.example'),
    ],
)
def test_metadata_with_another_spelling_of_the_domain_are_ours(old: str, now: str) -> None:
    """An order that was opened before DOMAIN was cleaned is found again; it gets the spelling of today."""
    session = a_session(metadata=metadata_of(an_order(domain=old)))
    order = order_from(session, domain=now, environment=Environment('test'))
    assert order is not None
    assert order.domain == now
    assert order_from(session, domain=f'{now}.org', environment=Environment('test')) is None


def test_a_session_of_another_shop_or_without_our_metadata_is_not_ours() -> None:
    """Payment links and other shops on the same Stripe account are left alone."""
    assert order_from(a_session(), domain='https://other.example', environment=Environment('test')) is None
    assert order_from(a_session(metadata={}), domain=SHOP, environment=Environment('test')) is None
    assert (
        order_from(
            a_session(metadata={'domain': SHOP, 'amount': '1'}), domain=SHOP, environment=Environment('test')
        )
        is None
    )


def test_environments_differ_by_kind_and_by_account_where_both_are_known() -> None:
    """An account that could not be learned contradicts nothing."""
    assert Environment('test').same_as(Environment('test', 'acct_1'))
    assert not Environment('test', 'acct_2').same_as(Environment('test', 'acct_1'))
    assert not Environment('live').same_as(Environment('test'))


def test_references_can_be_read_out_on_the_phone() -> None:
    """A reference has two groups of four without look-alikes."""
    reference = new_reference()
    assert len(reference) == 9
    assert reference[4] == '-'
    assert not set(reference) & set('0O1ILU')
