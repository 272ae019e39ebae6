"""The sandbox's checkout sessions with Stripe's SDK: life cycle, idempotency, lists and errors."""

from collections.abc import Callable

import pytest
import stripe

from tests.sandbox_client import SandboxClient

Create = Callable[..., stripe.checkout.Session]


@pytest.fixture
def client(sandbox: SandboxClient) -> stripe.StripeClient:
    """The SDK with a valid key."""
    return sdk(sandbox, sandbox.settings['STRIPE_SECRET_KEY'])


def sdk(sandbox: SandboxClient, key: str) -> stripe.StripeClient:
    """Return an SDK client for the sandbox."""
    return stripe.StripeClient(key, base_addresses={'api': f'{sandbox.base}/stripe'})


@pytest.fixture
def create(sandbox: SandboxClient, client: stripe.StripeClient) -> Create:
    """A function that creates a session, with more parameters and an idempotency key."""

    def create_session(key: str | None = None, **more: object) -> stripe.checkout.Session:
        params = {
            'mode': 'payment',
            'line_items': [{'price': sandbox.settings['STRIPE_PRICE_ID'], 'quantity': 1}],
            'success_url': 'https://shop.test/success?session_id={CHECKOUT_SESSION_ID}',
            **more,
        }
        options = {'idempotency_key': key} if key else {}
        return client.v1.checkout.sessions.create(params=params, options=options)  # type: ignore[arg-type]

    return create_session


def test_a_session_is_created_read_listed_and_expired(client: stripe.StripeClient, create: Create) -> None:
    """The SDK reads the same session in each way, and an expired one stays expired."""
    made = create(metadata={'order': 'o-1'}, client_reference_id='o-1')
    read = client.v1.checkout.sessions.retrieve(made.id)
    assert (read.status, read.payment_status, read.amount_total, read.currency) == (
        'open',
        'unpaid',
        15000,
        'usd',
    )
    assert read.metadata is not None
    assert (read.metadata['order'], read.client_reference_id) == ('o-1', 'o-1')
    assert [item.id for item in client.v1.checkout.sessions.list().data] == [made.id]
    closed = client.v1.checkout.sessions.expire(made.id)
    assert (closed.status, closed.url) == ('expired', None)
    with pytest.raises(stripe.InvalidRequestError, match=r'status in \["open"\] can be expired'):
        client.v1.checkout.sessions.expire(made.id)


def test_a_session_expires_by_the_clock(
    sandbox: SandboxClient, client: stripe.StripeClient, create: Create
) -> None:
    """After its time the session is `expired`, with one event."""
    made = create()
    sandbox.act('clock', ahead=86399)
    assert client.v1.checkout.sessions.retrieve(made.id).status == 'open'
    sandbox.act('clock', ahead=2)
    assert client.v1.checkout.sessions.retrieve(made.id).status == 'expired'
    events = client.v1.events.list(params={'type': 'checkout.session.expired'})
    assert [event.data.object['id'] for event in events.data] == [made.id]


@pytest.mark.parametrize('minutes', [29, 24 * 60 + 1])
def test_expires_at_has_bounds(create: Create, minutes: int) -> None:
    """`expires_at` is 30 minutes to 24 hours ahead."""
    now = create().created
    with pytest.raises(stripe.InvalidRequestError) as caught:
        create(expires_at=now + minutes * 60)
    assert caught.value.param == 'expires_at'


def test_expand_replaces_ids_by_objects(
    sandbox: SandboxClient, client: stripe.StripeClient, create: Create
) -> None:
    """Intent, charge, line items and product are expanded on request only."""
    made = create()
    sandbox.pay(made.id)
    plain = client.v1.checkout.sessions.retrieve(made.id)
    assert isinstance(plain.payment_intent, str)
    assert 'line_items' not in plain
    paths = ['payment_intent.latest_charge', 'line_items.data.price.product']
    whole = client.v1.checkout.sessions.retrieve(made.id, params={'expand': paths}).to_dict()
    card = whole['payment_intent']['latest_charge']['payment_method_details']['card']
    assert (card['last4'], len(card['fingerprint'])) == ('4242', 16)
    assert whole['line_items']['data'][0]['price']['product']['name'] == 'C&P Coaching Session'
    with pytest.raises(stripe.InvalidRequestError, match='cannot be expanded'):
        client.v1.checkout.sessions.retrieve(made.id, params={'expand': ['mode']})


def test_a_list_has_pages(client: stripe.StripeClient, create: Create) -> None:
    """Newest first, `limit` at a time; the pagination of the SDK finds all."""
    made = [create().id for _ in range(5)]
    page = client.v1.checkout.sessions.list(params={'limit': 2})
    assert ([item.id for item in page.data], page.has_more) == (made[:2:-1], True)
    assert [item.id for item in page.auto_paging_iter()] == made[::-1]
    before = client.v1.checkout.sessions.list(params={'limit': 2, 'ending_before': made[0]})
    assert [item.id for item in before.data] == [made[2], made[1]]


def test_a_list_is_filtered_by_time_and_state(
    sandbox: SandboxClient, client: stripe.StripeClient, create: Create
) -> None:
    """`created[gte]` and `status` filter the list."""
    first = create()
    sandbox.act('clock', ahead=100)
    second = create()
    client.v1.checkout.sessions.expire(second.id)
    later = client.v1.checkout.sessions.list(params={'created': {'gte': first.created + 50}})
    assert [item.id for item in later.data] == [second.id]
    assert [item.id for item in client.v1.checkout.sessions.list(params={'status': 'open'}).data] == [
        first.id
    ]


def test_the_same_idempotency_key_gives_the_same_session(client: stripe.StripeClient, create: Create) -> None:
    """The second request creates nothing and is marked as a replay."""
    first, second = create(key='order-1'), create(key='order-1')
    assert first.id == second.id
    assert second.last_response is not None
    assert second.last_response.headers['Idempotent-Replayed'] == 'true'
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_an_idempotency_key_belongs_to_its_parameters(client: stripe.StripeClient, create: Create) -> None:
    """The same key with other parameters is rejected, and nothing is created."""
    create(key='order-1')
    with pytest.raises(stripe.IdempotencyError, match="other than 'order-1'"):
        create(key='order-1', client_reference_id='other')
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_a_stored_failure_is_replayed_for_a_day(sandbox: SandboxClient, create: Create) -> None:
    """As Stripe documents, a 500 is stored under its key for 24 hours."""
    sandbox.fault('POST /v1/checkout/sessions', 'fail', status=500)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            create(key='order-1')
    sandbox.act('clock', ahead=86401)
    assert create(key='order-1').status == 'open'


def test_a_rejected_request_does_not_use_its_key(create: Create) -> None:
    """The key of a request that was rejected before any work can be used again."""
    with pytest.raises(stripe.InvalidRequestError):
        create(key='order-1', line_items=[{'price': 'price_nope', 'quantity': 1}])
    assert create(key='order-1').status == 'open'


@pytest.mark.parametrize(
    ('more', 'code', 'param'),
    [
        ({'flavour': 'vanilla'}, 'parameter_unknown', 'flavour'),
        (
            {'line_items': [{'price': 'price_nope', 'quantity': 1}]},
            'resource_missing',
            'line_items[0][price]',
        ),
        ({'line_items': [{'prize': 'x'}]}, 'parameter_unknown', 'line_items[0][prize]'),
        ({'mode': 'gift'}, None, 'mode'),
        ({'success_url': 'shop'}, 'url_invalid', 'success_url'),
        ({'customer_email': 'nobody'}, 'email_invalid', 'customer_email'),
        ({'client_reference_id': 'x' * 201}, None, 'client_reference_id'),
        ({'currency': 'eur'}, None, 'line_items[0][price]'),
        ({'metadata': {'k' * 41: 'v'}}, None, 'metadata[' + 'k' * 40 + ']'),
        ({'expires_at': 'soon'}, 'parameter_invalid_integer', 'expires_at'),
        ({'client_reference_id': ''}, 'parameter_invalid_empty', 'client_reference_id'),
    ],
)
def test_a_bad_parameter_is_named(
    client: stripe.StripeClient, create: Create, more: dict[str, object], code: str | None, param: str
) -> None:
    """Each mistake is rejected with Stripe's code and parameter, and no session is created."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        create(**more)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert client.v1.checkout.sessions.list().data == []


def test_a_price_must_be_active_and_one_time(sandbox: SandboxClient, create: Create) -> None:
    """An inactive or recurring price is rejected."""
    sandbox.act('price', active=False)
    with pytest.raises(stripe.InvalidRequestError, match='inactive'):
        create()
    sandbox.act('price', active=True, recurring=True)
    with pytest.raises(stripe.InvalidRequestError, match='recurring price'):
        create()


def test_a_changed_price_does_not_change_an_open_session(
    sandbox: SandboxClient, client: stripe.StripeClient, create: Create
) -> None:
    """A session keeps the amount of its creation."""
    made = create()
    sandbox.act('price', amount=17500)
    assert client.v1.checkout.sessions.retrieve(made.id).amount_total == 15000
    assert create().amount_total == 17500


def test_an_unknown_id_is_not_found(client: stripe.StripeClient) -> None:
    """An unknown session is a 404 that names the parameter."""
    with pytest.raises(
        stripe.InvalidRequestError, match=r"No such checkout\.session: 'cs_test_nope'"
    ) as caught:
        client.v1.checkout.sessions.retrieve('cs_test_nope')
    assert (caught.value.http_status, caught.value.code) == (404, 'resource_missing')
