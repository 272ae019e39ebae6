"""The sandbox's webhooks: signed, tried until taken, and led astray by faults."""

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import stripe

from tests.sandbox_client import SandboxClient

Delivery = tuple[bytes, str]


class Mailbox:
    """A server that takes deliveries; it answers with `answers` first and with 200 afterwards."""

    def __init__(self) -> None:
        self.taken: queue.Queue[Delivery] = queue.Queue()
        self.answers: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.server = ThreadingHTTPServer(('127.0.0.1', 0), self._handler())
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where deliveries go."""
        return f'http://127.0.0.1:{self.server.server_port}/hook'

    def next(self) -> Delivery:
        """The next delivery's body and signature."""
        return self.taken.get(timeout=10)

    def types(self, count: int) -> list[str]:
        """The types of the next deliveries, in order of arrival."""
        bodies = [json.loads(self.next()[0]) for _ in range(count)]
        return [body.get('type') or body['event'] for body in bodies]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers['Content-Length']))
                names = ('Stripe-Signature', 'Calendly-Webhook-Signature')
                mailbox.taken.put((body, next(self.headers[name] for name in names if name in self.headers)))
                mailbox.gate.wait(10)
                self.send_response(mailbox.answers.pop(0) if mailbox.answers else 200)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def mailbox(sandbox: SandboxClient) -> Iterator[Mailbox]:
    """A mailbox to which both sandbox deliver."""
    box = Mailbox()
    sandbox.act('webhooks', stripe=box.url, calendly=box.url)
    yield box
    box.gate.set()
    sandbox.reset()
    box.server.shutdown()
    box.server.server_close()


def opened(sandbox: SandboxClient) -> str:
    """Open a session; returns its id."""
    form = {
        'mode': 'payment', 'line_items[0][price]': sandbox.settings['STRIPE_PRICE_ID'],
        'line_items[0][quantity]': '1', 'success_url': 'https://shop.test/',
    }  # fmt: skip
    key = sandbox.settings['STRIPE_SECRET_KEY']
    answer = httpx.post(
        f'{sandbox.base}/stripe/v1/checkout/sessions', data=form, auth=(key, ''), trust_env=False
    )
    return str(answer.json()['id'])


def events(sandbox: SandboxClient, **params: str) -> list[dict[str, Any]]:
    """Stripe's list of events."""
    key = sandbox.settings['STRIPE_SECRET_KEY']
    url = f'{sandbox.base}/stripe/v1/events'
    found: list[dict[str, Any]] = httpx.get(url, params=params, auth=(key, ''), trust_env=False).json()[
        'data'
    ]
    return found


def test_a_delivery_is_signed_as_the_sdk_expects(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """The SDK takes the body with the secret and refuses it with another, or with another body."""
    session = opened(sandbox)
    sandbox.pay(session)
    body, signature = mailbox.next()
    secret = sandbox.settings['STRIPE_WEBHOOK_SECRET']
    event = stripe.Webhook.construct_event(body, signature, secret)
    assert (event.type, event.data.object['id']) == ('checkout.session.completed', session)
    assert event.api_version == stripe.api_version
    for wrong_body, wrong_secret in ((body, 'whsec_other'), (body + b' ', secret)):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(wrong_body, signature, wrong_secret)


def test_a_refused_delivery_comes_again(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """Neither 500 nor a redirect counts as taken; the same event comes until it is."""
    mailbox.answers = [500, 302]
    sandbox.pay(opened(sandbox))
    bodies = {mailbox.next()[0] for _ in range(3)}
    assert len(bodies) == 1


def test_an_event_is_pending_until_it_is_taken(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """`delivery_success=false` lists what is not delivered; what nobody listens for is never listed."""
    first, second = opened(sandbox), opened(sandbox)
    sandbox.fault('webhook *', 'hold')
    sandbox.pay(first)
    sandbox.pay(second)
    pending = events(sandbox, delivery_success='false')
    assert [(item['data']['object']['id'], item['pending_webhooks']) for item in pending] == [(first, 1)]
    taken = events(sandbox, delivery_success='true', type='checkout.session.completed')
    assert [(item['data']['object']['id'], item['pending_webhooks']) for item in taken] == [(second, 0)]


def test_the_way_back_waits_for_the_answer(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """The customer is sent back only after the webhook was answered."""
    mailbox.gate.clear()
    session, back = opened(sandbox), threading.Event()

    def pay() -> None:
        sandbox.pay(session)
        back.set()

    payer = threading.Thread(target=pay)
    payer.start()
    mailbox.next()
    assert not back.is_set()
    mailbox.gate.set()
    payer.join(timeout=10)
    assert back.is_set()


def test_a_lost_delivery_never_comes(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """After a lost one the next event is the next delivery."""
    sandbox.fault('webhook checkout.session.completed', 'lose')
    sandbox.pay(opened(sandbox))
    sandbox.act('expire', session=opened(sandbox))
    assert mailbox.types(1) == ['checkout.session.expired']


def test_a_doubled_delivery_comes_twice(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """The same event id arrives two times."""
    sandbox.fault('webhook checkout.session.completed', 'duplicate')
    sandbox.pay(opened(sandbox))
    ids = {json.loads(mailbox.next()[0])['id'] for _ in range(2)}
    assert len(ids) == 1


def test_deliveries_change_places(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """A reordered delivery arrives after the one that follows it."""
    sandbox.fault('webhook checkout.session.completed', 'reorder')
    session = opened(sandbox)
    sandbox.pay(session, method='bank')
    sandbox.act('settle', session=session, success=True)
    assert mailbox.types(2) == ['checkout.session.async_payment_succeeded', 'checkout.session.completed']


def test_held_deliveries_come_when_released_even_backwards(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """Nothing comes before the release; a fresh one passes those that are held."""
    sandbox.fault('webhook checkout.session.completed', 'hold')
    session = opened(sandbox)
    sandbox.pay(session)
    sandbox.act('expire', session=opened(sandbox))
    assert mailbox.types(1) == ['checkout.session.expired']
    assert sandbox.act('release', backwards=True) == {'released': 1}
    assert mailbox.types(1) == ['checkout.session.completed']


def test_an_event_can_be_sent_again(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """The dashboard's button delivers the same body once more."""
    sandbox.pay(opened(sandbox))
    first = mailbox.next()[0]
    sandbox.act('resend', event=json.loads(first)['id'])
    assert mailbox.next()[0] == first


def test_a_booking_is_told_until_it_is_taken(sandbox: SandboxClient, mailbox: Mailbox) -> None:
    """Calendly's delivery is retried too, with its own signature header and the invitee flat."""
    mailbox.answers = [500]
    invitee = sandbox.book(f'{sandbox.calendly_link}?utm_content=b-1')
    first, second = mailbox.next(), mailbox.next()
    assert first[0] == second[0]
    payload = json.loads(first[0])['payload']
    assert (payload['uri'], payload['tracking']['utm_content']) == (invitee['uri'], 'b-1')
    assert payload['scheduled_event']['uri'] == payload['event']
