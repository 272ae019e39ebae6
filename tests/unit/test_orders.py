"""Orders: the state that follows from the facts, mismatches, and the metadata that rebuild an order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.money import Money
from services.orders import (
    Environment,
    Facts,
    Order,
    PaymentSession,
    PriceAdjustments,
    State,
    metadata_of,
    mismatch_of,
    new_reference,
    order_from,
)
from tests.factories import A_PURCHASE, NOON, PAID, SHOP, a_session, an_order


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
        (Facts('complete', 'unpaid', awaits_customer=True), State.AWAITING_CUSTOMER),
        (Facts('complete', 'unpaid', awaits_customer=True, payment_failed=True), State.FAILED),
        (replace(PAID, amount_disputed=15000), State.DISPUTED),
        (replace(PAID, dispute_status='won'), State.PAID),
        (replace(PAID, dispute_status='won', amount_refunded=15000), State.REFUNDED),
        (replace(PAID, amount_lost=15000), State.LOST),
        (replace(PAID, amount_lost=3000), State.PARTLY_REFUNDED),
        (replace(PAID, amount_lost=10000, amount_refunded=5000), State.LOST),
        (replace(PAID, amount_lost=15000, amount_refunded=15000), State.REFUNDED),
        (replace(PAID, amount_lost=3000, amount_disputed=12000), State.DISPUTED),
        (replace(PAID, under_review=True, amount_disputed=15000), State.UNDER_REVIEW),
        (replace(PAID, under_review=True, amount_lost=15000), State.LOST),
        (replace(PAID, under_review=True), State.UNDER_REVIEW),
        (replace(PAID, under_review=True, amount_refunded=15000), State.REFUNDED),
        (
            replace(PAID, payment_status='no_payment_required', amount_total=0, under_review=True),
            State.UNDER_REVIEW,
        ),
        (replace(PAID, mismatch='amount'), State.MISMATCH),
    ],
)
def test_the_state_follows_from_the_facts(facts: Facts, state: State) -> None:
    """The state is derived from the facts alone."""
    assert an_order(facts=facts).state is state


def test_a_voided_order_is_expired_unless_it_is_paid() -> None:
    """A voided order without facts is expired; a paid one stays paid."""
    assert an_order(voided_at=NOON).state is State.EXPIRED
    assert an_order(voided_at=NOON, facts=PAID).state is State.PAID


ORDERS = st.builds(
    an_order,
    purchase=st.builds(
        replace,
        st.just(A_PURCHASE),
        # No control characters and no lone surrogates, which ``plain_text`` removes.
        title=st.text(st.characters(exclude_categories=['Cc', 'Cs']), min_size=1, max_size=500),
        minutes=st.integers(0, 9999),
        sessions=st.integers(0, 999),
        price=st.builds(Money, st.integers(0, 10**15 - 1), st.sampled_from(['usd', 'eur', 'jpy'])),
    ),
    allowed=st.builds(PriceAdjustments, discounts=st.booleans(), taxes=st.booleans()),
    environment=st.builds(
        Environment, st.sampled_from(['demo', 'test', 'live']), st.sampled_from(['', 'acct_1'])
    ),
)
FACTS = st.builds(
    Facts,
    session_status=st.sampled_from(['', 'open', 'complete', 'expired']),
    payment_status=st.sampled_from(['', 'unpaid', 'paid', 'no_payment_required']),
    amount_total=st.sampled_from([None, 0, 15000]),
    payment_failed=st.booleans(),
    amount_refunded=st.sampled_from([0, 1, 15000]),
    amount_disputed=st.sampled_from([0, 3000, 15000]),
    amount_lost=st.sampled_from([0, 3000, 15000]),
    under_review=st.booleans(),
    awaits_customer=st.booleans(),
    mismatch=st.sampled_from(['', 'amount']),
)


@given(facts=FACTS)
def test_only_a_complete_paid_matching_session_opens_the_calendar(facts: Facts) -> None:
    """A lost dispute or a full refund closes it again."""
    if an_order(facts=facts).opens_calendar:
        assert facts.session_status == 'complete'
        assert facts.payment_status in ('paid', 'no_payment_required')
        assert facts.mismatch == ''
        assert not facts.under_review
        assert facts.amount_refunded + facts.amount_lost < (facts.amount_total or 1)
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
def test_each_mismatch_is_named(session: PaymentSession, mismatch: str) -> None:
    """Whatever differs from the order is in the text, and nothing else."""
    assert mismatch_of(an_order(), session) == mismatch


def test_allowed_discounts_and_taxes_are_no_mismatch() -> None:
    """The total must still follow from subtotal, discount and tax."""
    session = a_session(replace(PAID, amount_total=8250, amount_discount=7500, amount_tax=750))
    order = an_order(allowed=PriceAdjustments(discounts=True, taxes=True))
    assert mismatch_of(order, session) == ''


@given(order=ORDERS)
def test_an_order_is_rebuilt_from_the_metadata_of_its_session(order: Order) -> None:
    """The metadata are enough to rebuild any order; only its bookings are unknown."""
    session = a_session(metadata=metadata_of(order))
    rebuilt = order_from(session, domain=order.domain, environment=order.environment)
    assert rebuilt == replace(order, session_id=session.id, bookings_unknown=True)


@given(order=ORDERS)
def test_the_metadata_fit_into_the_limits_of_stripe(order: Order) -> None:
    """Stripe takes 50 keys of 40 characters and values of 500 (docs.stripe.com/api/metadata)."""
    metadata = metadata_of(order)
    assert len(metadata) <= 50
    assert max(map(len, metadata)) <= 40
    assert max(map(len, metadata.values())) <= 500


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
def test_metadata_in_another_form_than_ours_are_refused(name: str, value: str) -> None:
    """A text that does not fit into its column never reaches the ledger."""
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


def test_no_order_is_rebuilt_from_a_session_of_another_shop() -> None:
    """Payment links and other shops on the same Stripe account are ignored."""
    assert order_from(a_session(), domain='https://other.example', environment=Environment('test')) is None
    assert order_from(a_session(metadata={}), domain=SHOP, environment=Environment('test')) is None
    incomplete = a_session(metadata={'domain': SHOP, 'amount': '1'})
    assert order_from(incomplete, domain=SHOP, environment=Environment('test')) is None


def test_environments_differ_by_mode_and_by_account() -> None:
    """An unknown account equals every account."""
    assert Environment('test').same_as(Environment('test', 'acct_1'))
    assert not Environment('test', 'acct_2').same_as(Environment('test', 'acct_1'))
    assert not Environment('live').same_as(Environment('test'))


def test_references_can_be_read_out_on_the_phone() -> None:
    """A reference has two groups of four characters, none of which is mistaken for another."""
    reference = new_reference()
    assert len(reference) == 9
    assert reference[4] == '-'
    assert not set(reference) & set('0O1ILU')
