"""Signatures of Stripe's deliveries: a wrong secret and a wrong clock are told apart."""

import json

import pytest

from services.errors import BadRequest, NotSigned, WrongClock, WrongSecret
from services.payments import kind_of, named_by, signed_event
from services.payments.events import RELEVANT
from tests.factories import signed

NOW = 1_800_000_000
BODY = json.dumps({'id': 'evt_1', 'type': 'charge.refunded'}).encode()
SECRETS = ('whsec_old', 'whsec_new')


def header(secret: str = SECRETS[1], at: int = NOW) -> str:
    """Return the header of a body that is signed at a time."""
    return signed(BODY, secret, at=at)['Stripe-Signature']


@pytest.mark.parametrize('secret', SECRETS)
@pytest.mark.parametrize('at', [NOW - 300, NOW, NOW + 300])
def test_any_of_several_secrets_is_right(secret: str, at: int) -> None:
    """Each secret in use is accepted, five minutes before and after."""
    assert signed_event(BODY, header(secret, at), SECRETS, now=lambda: NOW)['id'] == 'evt_1'


@pytest.mark.parametrize('age', [301, 900, -301])
def test_a_right_signature_of_another_time_tells_its_age(age: int) -> None:
    """The secret is right, so the clock is named."""
    with pytest.raises(WrongClock) as caught:
        signed_event(BODY, header(at=NOW - age), SECRETS, now=lambda: NOW)
    assert caught.value.age == age


@pytest.mark.parametrize('at', [NOW, NOW - 900])
def test_a_signature_of_no_secret_is_a_wrong_secret(at: int) -> None:
    """Whatever its time."""
    with pytest.raises(WrongSecret):
        signed_event(BODY, header('whsec_other', at), SECRETS, now=lambda: NOW)


@pytest.mark.parametrize('text', ['', 't=', 't=x,v1=00', f't={NOW}', 'v1=00', f't={NOW},v0=00'])
def test_a_header_without_signature_is_no_wrong_secret(text: str) -> None:
    """What a stranger posts says nothing about the secret."""
    with pytest.raises(NotSigned) as caught:
        signed_event(BODY, text, SECRETS, now=lambda: NOW)
    assert type(caught.value) is NotSigned


def test_the_time_that_was_signed_is_the_time_that_counts() -> None:
    """A second time in the header makes an old delivery no younger."""
    old = header(at=NOW - 900)
    for text in (f'{old},t={NOW}', old.replace('t=', 't=+')):
        with pytest.raises(WrongClock):
            signed_event(BODY, text, SECRETS, now=lambda: NOW)
    with pytest.raises(WrongSecret):
        signed_event(BODY, f't={NOW},{old}', SECRETS, now=lambda: NOW)


def test_the_types_fit_into_one_request() -> None:
    """Stripe takes at most twenty types when its events are listed."""
    assert len(RELEVANT) <= 20


@pytest.mark.parametrize('path', ['a/b', '..', '?', 'a b', 1, ['x']])
def test_an_id_that_would_be_another_url_is_refused(path: object) -> None:
    """The id of a session, a payment or a charge becomes part of a URL."""
    for about in ({'id': path}, {'payment_intent': path}, {'charge': path}):
        event = {'id': 'evt_1', 'type': 'refund.created', 'data': {'object': {'object': 'refund'} | about}}
        with pytest.raises(BadRequest):
            named_by(event)


def test_a_thin_name_is_the_same_kind() -> None:
    """Thin events have `v1.` in front of the name."""
    assert kind_of({'type': 'v1.charge.refunded'}) == 'charge.refunded'
