"""The sandbox's webhooks: signatures, retries and faults."""

import json
import threading
from typing import Any

import httpx
import pytest
import stripe

from tests.sandbox.checkout_sessions import create_session
from tests.sandbox.receiver import Receiver
from tests.sandbox_client import SandboxClient


def events(http: httpx.Client, **params: str) -> list[dict[str, Any]]:
    """Return Stripe's list of events."""
    found: list[dict[str, Any]] = http.get('/stripe/v1/events', params=params).json()['data']
    return found


def test_a_delivery_is_signed_as_the_sdk_expects(sandbox: SandboxClient, receiver: Receiver) -> None:
    """The SDK accepts the body with the secret, and rejects another secret and another body."""
    session = create_session(sandbox)
    sandbox.pay(session)
    body, signature = receiver.next()
    secret = sandbox.settings['STRIPE_WEBHOOK_SECRET']
    event = stripe.Webhook.construct_event(body, signature, secret)
    assert (event.type, event.data.object['id']) == ('checkout.session.completed', session)
    assert event.api_version == stripe.api_version
    for wrong_body, wrong_secret in ((body, 'whsec_other'), (body + b' ', secret)):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(wrong_body, signature, wrong_secret)


def test_a_rejected_delivery_is_retried(sandbox: SandboxClient, receiver: Receiver) -> None:
    """After a 500 or a redirect the same event is sent again."""
    receiver.statuses = [500, 302]
    sandbox.pay(create_session(sandbox))
    bodies = {receiver.next()[0] for _ in range(3)}
    assert len(bodies) == 1


def test_an_event_is_pending_until_it_is_delivered(
    sandbox: SandboxClient, http: httpx.Client, receiver: Receiver
) -> None:
    """`delivery_success=false` lists undelivered events, and no event without a subscription."""
    first, second = create_session(sandbox), create_session(sandbox)
    sandbox.fault('webhook *', 'hold')
    sandbox.pay(first)
    sandbox.pay(second)
    pending = events(http, delivery_success='false')
    assert [(item['data']['object']['id'], item['pending_webhooks']) for item in pending] == [(first, 1)]
    delivered = events(http, delivery_success='true', type='checkout.session.completed')
    assert [(item['data']['object']['id'], item['pending_webhooks']) for item in delivered] == [(second, 0)]


def test_the_redirect_waits_for_the_webhook(sandbox: SandboxClient, receiver: Receiver) -> None:
    """The customer is redirected only after the webhook was answered."""
    receiver.gate.clear()
    session, redirected = create_session(sandbox), threading.Event()

    def pay() -> None:
        sandbox.pay(session)
        redirected.set()

    payer = threading.Thread(target=pay)
    payer.start()
    receiver.next()
    assert not redirected.is_set()
    receiver.gate.set()
    payer.join(timeout=10)
    assert redirected.is_set()


def test_a_lost_delivery_is_never_sent(sandbox: SandboxClient, receiver: Receiver) -> None:
    """The next delivery is that of the next event."""
    sandbox.fault('webhook checkout.session.completed', 'lose')
    sandbox.pay(create_session(sandbox))
    sandbox.act('expire', session=create_session(sandbox))
    assert receiver.types(1) == ['checkout.session.expired']


def test_a_duplicated_delivery_is_sent_twice(sandbox: SandboxClient, receiver: Receiver) -> None:
    """The same event id arrives twice."""
    sandbox.fault('webhook checkout.session.completed', 'duplicate')
    sandbox.pay(create_session(sandbox))
    ids = {json.loads(receiver.next()[0])['id'] for _ in range(2)}
    assert len(ids) == 1


def test_deliveries_are_reordered(sandbox: SandboxClient, receiver: Receiver) -> None:
    """A reordered delivery arrives after the next one."""
    sandbox.fault('webhook checkout.session.completed', 'reorder')
    session = create_session(sandbox)
    sandbox.pay(session, method='bank')
    sandbox.act('settle', session=session, success=True)
    assert receiver.types(2) == ['checkout.session.async_payment_succeeded', 'checkout.session.completed']


def test_held_deliveries_are_sent_when_released(sandbox: SandboxClient, receiver: Receiver) -> None:
    """A held delivery waits for the release; later ones are sent at once."""
    sandbox.fault('webhook checkout.session.completed', 'hold')
    session = create_session(sandbox)
    sandbox.pay(session)
    sandbox.act('expire', session=create_session(sandbox))
    assert receiver.types(1) == ['checkout.session.expired']
    assert sandbox.act('release', backwards=True) == {'released': 1}
    assert receiver.types(1) == ['checkout.session.completed']


def test_an_event_can_be_resent(sandbox: SandboxClient, receiver: Receiver) -> None:
    """The dashboard's button sends the same body once more."""
    sandbox.pay(create_session(sandbox))
    first = receiver.next()[0]
    sandbox.act('resend', event=json.loads(first)['id'])
    assert receiver.next()[0] == first


def test_a_calendly_delivery_is_retried(sandbox: SandboxClient, receiver: Receiver) -> None:
    """The same body is sent again; its payload is the invitee, with the event inside."""
    receiver.statuses = [500]
    invitee = sandbox.book(f'{sandbox.calendly_link}?utm_content=b-1')
    first, second = receiver.next(), receiver.next()
    assert first[0] == second[0]
    payload = json.loads(first[0])['payload']
    assert (payload['uri'], payload['tracking']['utm_content']) == (invitee['uri'], 'b-1')
    assert payload['scheduled_event']['uri'] == payload['event']


@pytest.mark.parametrize('payload', ['thin', 'both'])
def test_a_thin_event_names_its_object(
    sandbox: SandboxClient, receiver: Receiver, http: httpx.Client, payload: str
) -> None:
    """A thin event is signed like a snapshot and has the object's URL in place of the object."""
    sandbox.act('webhooks', stripe_payload=payload)
    session = create_session(sandbox)
    sandbox.pay(session)
    deliveries = [receiver.next() for _ in range(2 if payload == 'both' else 1)]
    body, signature = next(each for each in deliveries if b'v2.core.event' in each[0])
    client = stripe.StripeClient(sandbox.settings['STRIPE_SECRET_KEY'])
    event = client.parse_event_notification(body, signature, sandbox.settings['STRIPE_WEBHOOK_SECRET'])
    assert isinstance(event, stripe.events.V1CheckoutSessionCompletedEventNotification)
    assert (event.related_object.id, event.related_object.type) == (session, 'checkout.session')
    assert http.get(f'/stripe{event.related_object.url}').json()['id'] == session
    assert 'data' not in json.loads(body)


@pytest.mark.parametrize('kind', ['refund', 'dispute'])
def test_thin_events_about_money_name_their_objects(
    sandbox: SandboxClient, receiver: Receiver, http: httpx.Client, kind: str
) -> None:
    """The charge, the refund or the dispute is found at the URL in its thin event."""
    session = create_session(sandbox)
    sandbox.pay(session)
    receiver.next()
    sandbox.act('webhooks', stripe_payload='thin')
    sandbox.act(kind, session=session)
    for _ in range(2):
        event = json.loads(receiver.next()[0])
        assert event['type'].startswith('v1.')
        related = event['related_object']
        found = http.get(f'/stripe{related["url"]}').json()
        assert (found['id'], found['object']) == (related['id'], related['type'])


def test_the_ping_is_an_event_of_its_destination(sandbox: SandboxClient, receiver: Receiver) -> None:
    """The dashboard's ping is a thin event, also for an endpoint that gets snapshots."""
    sandbox.act('ping')
    body, signature = receiver.next()
    client = stripe.StripeClient(sandbox.settings['STRIPE_SECRET_KEY'])
    event = client.parse_event_notification(body, signature, sandbox.settings['STRIPE_WEBHOOK_SECRET'])
    assert isinstance(event, stripe.events.V2CoreEventDestinationPingEventNotification)


def test_at_most_twenty_types_are_listed_at_once(http: httpx.Client) -> None:
    """Stripe refuses a longer list."""
    kinds = [f'charge.{number}' for number in range(21)]
    assert http.get('/stripe/v1/events', params={'types[]': kinds[:20]}).status_code == 200
    assert http.get('/stripe/v1/events', params={'types[]': kinds}).status_code == 400


def test_other_events_of_calendly_go_to_who_subscribed(sandbox: SandboxClient, receiver: Receiver) -> None:
    """A no-show is the invitee with the mark; an event nobody subscribed to is not sent."""
    kinds = ['invitee_no_show.created', 'event_type.updated']
    sandbox.act('webhooks', calendly=receiver.url, calendly_events=kinds)
    invitee = sandbox.book(sandbox.calendly_link)
    assert sandbox.act('calendly-event', event='contact.created') == {'sent': 0}
    assert sandbox.act('calendly-event', event=kinds[0], invitee=invitee['uri']) == {'sent': 1}
    event = json.loads(receiver.next()[0])
    assert (event['event'], event['payload']['uri']) == (kinds[0], invitee['uri'])
    assert event['payload']['no_show']['uri']
    assert sandbox.act('calendly-event', event=kinds[1]) == {'sent': 1}
    assert 'scheduled_event' not in json.loads(receiver.next()[0])['payload']
