"""Stripe's own SDK against the sandbox: sessions, idempotency, lists, and its errors."""

from collections.abc import Callable

import pytest
import stripe

from tests.sandbox_client import SandboxClient

Open = Callable[..., stripe.checkout.Session]


@pytest.fixture
def client(sandbox: SandboxClient) -> stripe.StripeClient:
    """The SDK with a good key."""
    return sdk(sandbox, sandbox.settings['STRIPE_SECRET_KEY'])


def sdk(sandbox: SandboxClient, key: str) -> stripe.StripeClient:
    """The SDK, pointed at the sandbox."""
    return stripe.StripeClient(key, base_addresses={'api': f'{sandbox.base}/stripe'})


@pytest.fixture
def opened(sandbox: SandboxClient, client: stripe.StripeClient) -> Open:
    """Open a session; takes more parameters and the idempotency key."""

    def open_session(key: str | None = None, **more: object) -> stripe.checkout.Session:
        params = {
            'mode': 'payment',
            'line_items': [{'price': sandbox.settings['STRIPE_PRICE_ID'], 'quantity': 1}],
            'success_url': 'https://shop.test/success?session_id={CHECKOUT_SESSION_ID}',
            **more,
        }
        options = {'idempotency_key': key} if key else {}
        return client.v1.checkout.sessions.create(params=params, options=options)  # type: ignore[arg-type]

    return open_session


def test_a_session_is_made_read_listed_and_expired(client: stripe.StripeClient, opened: Open) -> None:
    """The SDK gets the same session by each way, and it closes for good."""
    made = opened(metadata={'order': 'o-1'}, client_reference_id='o-1')
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
    sandbox: SandboxClient, client: stripe.StripeClient, opened: Open
) -> None:
    """When its time is up it reads `expired`, and the event says so once."""
    made = opened()
    sandbox.act('clock', ahead=86399)
    assert client.v1.checkout.sessions.retrieve(made.id).status == 'open'
    sandbox.act('clock', ahead=2)
    assert client.v1.checkout.sessions.retrieve(made.id).status == 'expired'
    events = client.v1.events.list(params={'type': 'checkout.session.expired'})
    assert [event.data.object['id'] for event in events.data] == [made.id]


@pytest.mark.parametrize('minutes', [29, 24 * 60 + 1])
def test_the_deadline_has_bounds(opened: Open, minutes: int) -> None:
    """`expires_at` lies 30 minutes to 24 hours ahead."""
    now = opened().created
    with pytest.raises(stripe.InvalidRequestError) as caught:
        opened(expires_at=now + minutes * 60)
    assert caught.value.param == 'expires_at'


def test_expanding_puts_objects_in_place(
    sandbox: SandboxClient, client: stripe.StripeClient, opened: Open
) -> None:
    """Intent, charge, line items and product come when asked for, and only then."""
    made = opened()
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


def test_a_list_comes_in_pages(client: stripe.StripeClient, opened: Open) -> None:
    """Newest first, `limit` at a time, with the SDK's own paging finding all of them."""
    made = [opened().id for _ in range(5)]
    page = client.v1.checkout.sessions.list(params={'limit': 2})
    assert ([item.id for item in page.data], page.has_more) == (made[:2:-1], True)
    assert [item.id for item in page.auto_paging_iter()] == made[::-1]
    before = client.v1.checkout.sessions.list(params={'limit': 2, 'ending_before': made[0]})
    assert [item.id for item in before.data] == [made[2], made[1]]


def test_a_list_is_filtered_by_time_and_state(
    sandbox: SandboxClient, client: stripe.StripeClient, opened: Open
) -> None:
    """`created[gte]` and `status` leave the others out."""
    first = opened()
    sandbox.act('clock', ahead=100)
    second = opened()
    client.v1.checkout.sessions.expire(second.id)
    later = client.v1.checkout.sessions.list(params={'created': {'gte': first.created + 50}})
    assert [item.id for item in later.data] == [second.id]
    assert [item.id for item in client.v1.checkout.sessions.list(params={'status': 'open'}).data] == [
        first.id
    ]


def test_the_same_idempotency_key_gives_the_same_session(client: stripe.StripeClient, opened: Open) -> None:
    """The second request makes nothing and says that it is a replay."""
    first, second = opened(key='order-1'), opened(key='order-1')
    assert first.id == second.id
    assert second.last_response is not None
    assert second.last_response.headers['Idempotent-Replayed'] == 'true'
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_an_idempotency_key_belongs_to_its_parameters(client: stripe.StripeClient, opened: Open) -> None:
    """Other parameters under the same key are refused, and nothing is made."""
    opened(key='order-1')
    with pytest.raises(stripe.IdempotencyError, match="other than 'order-1'"):
        opened(key='order-1', client_reference_id='other')
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_a_kept_failure_is_replayed_for_a_day(sandbox: SandboxClient, opened: Open) -> None:
    """A 500 sticks to its key, as Stripe documents, until the key is forgotten after 24 hours."""
    sandbox.fault('POST /v1/checkout/sessions', 'fail', status=500)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            opened(key='order-1')
    sandbox.act('clock', ahead=86401)
    assert opened(key='order-1').status == 'open'


def test_a_refused_request_does_not_use_up_its_key(opened: Open) -> None:
    """A request refused before any work leaves its idempotency key free."""
    with pytest.raises(stripe.InvalidRequestError):
        opened(key='order-1', line_items=[{'price': 'price_nope', 'quantity': 1}])
    assert opened(key='order-1').status == 'open'


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
    client: stripe.StripeClient, opened: Open, more: dict[str, object], code: str | None, param: str
) -> None:
    """Each mistake is refused with Stripe's code and parameter, and no session is made."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        opened(**more)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert client.v1.checkout.sessions.list().data == []


def test_a_price_must_be_on_sale(sandbox: SandboxClient, opened: Open) -> None:
    """An inactive or recurring price cannot be paid for once."""
    sandbox.act('price', active=False)
    with pytest.raises(stripe.InvalidRequestError, match='inactive'):
        opened()
    sandbox.act('price', active=True, recurring=True)
    with pytest.raises(stripe.InvalidRequestError, match='recurring price'):
        opened()


def test_a_changed_price_does_not_change_an_open_session(
    sandbox: SandboxClient, client: stripe.StripeClient, opened: Open
) -> None:
    """A session keeps the amount it was opened with."""
    made = opened()
    sandbox.act('price', amount=17500)
    assert client.v1.checkout.sessions.retrieve(made.id).amount_total == 15000
    assert opened().amount_total == 17500


def test_an_unknown_id_is_missing(client: stripe.StripeClient) -> None:
    """A session nobody made is a 404 that names its parameter."""
    with pytest.raises(
        stripe.InvalidRequestError, match=r"No such checkout\.session: 'cs_test_nope'"
    ) as caught:
        client.v1.checkout.sessions.retrieve('cs_test_nope')
    assert (caught.value.http_status, caught.value.code) == (404, 'resource_missing')
