"""The webhook endpoint at Stripe and the subscription at Calendly: what is there, made and deleted."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.errors import PaymentRefused
from services.payments import Payments, WebhookEndpoint
from services.scheduling import Scheduling, Subscription
from services.settings.urls import is_public

ENDPOINT, SUBSCRIPTION = 'endpoint', 'subscription'  # names of what was made, in the ledger
NOT_HERE = '{}, made before, is not in this account and mode: delete it where it is.'
FITS_NONE = (
    'No known secret fits {}, which stays as it is: what Stripe sends from there is refused until '
    'its secret is typed. Payments are still found by asking Stripe.'
)
AT_THE_END = 'Nothing of it is done before the last step, which shows it once more.'
WITHOUT_ENDPOINT = 'Without it an order is checked when its customer comes back, and every minute.'
WITHOUT_SUBSCRIPTION = 'Without it bookings are read from Calendly every few minutes.'


class NotHere(Exception):
    """What was made is in another account, or it was deleted there; the text names it."""


@dataclass(frozen=True)
class Plan:
    """What becomes of one webhook when the settings are written; nothing of it is done before.

    Attributes:
        makes: a new one is made.
        deletes: the ids of those that the new one replaces.
        words: the same for people; it names what is deleted.
        is_refused: what the one that stays sends is refused: no known secret fits.
    """

    makes: bool
    deletes: tuple[str, ...]
    words: str
    is_refused: bool = False


def cannot_reach(sender: str, domain: str) -> str:
    """Say that deliveries cannot arrive at an address that is not on the internet; '' where they can.

    Args:
        sender: Stripe or Calendly.
        domain: the address of the shop.
    """
    return '' if is_public(domain) else f'{domain} is not on the internet: {sender} cannot reach it.'


async def plan_endpoint(payments: Payments, url: str, known: Mapping[str, str], secret: str) -> Plan:
    """Look for the endpoint at Stripe whose secret is known: the one that was made before.

    Args:
        payments: Stripe.
        url: where the shop receives deliveries.
        known: what was made, by name, as `record_of` writes it.
        secret: the setting with the secrets that are known, '' for none.

    Raises:
        PaymentRefused: Stripe refuses.
        ShopError: Stripe does not answer.
    """
    made_before, found = id_of(known.get(ENDPOINT, '')), await payments.endpoints.read_all()
    ours = [each for each in found if each.is_ours and (_same(each.url, url) or each.id == made_before)]
    right = next((each for each in ours if _is_right(each, url) and _is_known(each.id, known, secret)), None)
    old = [each for each in ours if each is not right]
    words = [f'Stripe: an endpoint for {url} will be made.']
    if right:
        words = [f'Stripe: the endpoint {url} exists, and its secret is known.']
    words += [f'Then {each.id} of an earlier set-up ({each.url}) will be deleted.' for each in old]
    words += [
        f'{each.id}, which this set-up has not made, stays as it is: if its secret is not among the '
        'settings, delete it in Stripe, or its deliveries fail.'
        for each in found
        if _same(each.url, url) and not each.is_ours
    ]
    if made_before and all(each.id != made_before for each in found):
        words.append(NOT_HERE.format(made_before))
    return Plan(right is None, tuple(each.id for each in old), ' '.join(words))


async def plan_subscription(scheduling: Scheduling, known: Mapping[str, str], key: str) -> Plan:
    """Look for the subscription at Calendly whose signing key is known; arguments as above.

    A user can have one subscription for a URL, and its key is never shown. So one whose key is not known must
    be deleted before another one can be made.

    Raises:
        CalendarUnavailable: Calendly cannot be reached, or refuses.
    """
    url, made_before = scheduling.subscriptions.url, id_of(known.get(SUBSCRIPTION, ''))
    found = await scheduling.subscriptions.find(made_before)
    right = next((each for each in found if _delivers(each, url) and _is_known(each.uri, known, key)), None)
    old = [each for each in found if each is not right]
    words = [f'Calendly: a subscription for {url} will be made.']
    if right:
        words = [f'Calendly: the subscription for {url} exists, and its signing key is known.']
    words += [
        f'The one that is there for {each.url} ({each.uri.rpartition("/")[2]}, made {each.made_at}) will be '
        'deleted first.'
        for each in old
    ]
    return Plan(right is None, tuple(each.uri for each in old), ' '.join(words))


async def left_as_it_is(payments: Payments, url: str, known: Mapping[str, str], secret: str) -> Plan:
    """Look whether a known secret fits the endpoints that stay; arguments as above.

    Of an endpoint that the set-up has not made, a setting may have the secret: that cannot be seen.

    Raises:
        PaymentRefused: Stripe refuses.
        ShopError: Stripe does not answer.
    """
    unknown = [
        each.id
        for each in await payments.endpoints.read_all()
        if each.is_enabled and _same(each.url, url)
        if (each.is_ours or not secret) and not _is_known(each.id, known, secret)
    ]
    words = FITS_NONE.format(' and '.join(unknown)) if unknown else ''
    return Plan(makes=False, deletes=(), words=words, is_refused=bool(words))


async def make_endpoint(payments: Payments, url: str) -> tuple[str, str]:
    """Make an endpoint at Stripe; returns its id and its secret, which is never shown again.

    Raises:
        PaymentRefused: Stripe refuses.
        ShopError: Stripe does not answer.
    """
    made, secret = await payments.endpoints.make(url, attempt=secrets.token_hex(16))
    return made.id, secret


async def endpoints_made(payments: Payments, url: str, known: Mapping[str, str]) -> list[str]:
    """Return the ids of all endpoints that the set-up has made for this shop; arguments as above.

    Raises:
        NotHere: the one that is on record is not among them.
        PaymentRefused: Stripe refuses.
        ShopError: Stripe does not answer.
    """
    made_before = id_of(known.get(ENDPOINT, ''))
    found = await payments.endpoints.read_all()
    if made_before and all(each.id != made_before for each in found):
        raise NotHere(NOT_HERE.format(made_before))
    return [each.id for each in found if each.is_ours and (_same(each.url, url) or each.id == made_before)]


async def delete_endpoints(payments: Payments, ids: Iterable[str]) -> None:
    """Delete endpoints at Stripe; one that is gone already is no error.

    Raises:
        PaymentRefused: Stripe refuses.
        ShopError: Stripe does not answer.
    """
    for each in ids:
        try:
            await payments.endpoints.delete(each)
        except PaymentRefused as error:
            if error.reason != 'resource_missing':
                raise


def record_of(made_id: str, secret: str) -> str:
    """Return what the ledger keeps of something that was made: its id, and which secret belongs to it."""
    return f'{made_id} {hashlib.sha256(secret.encode()).hexdigest()[:16]}'


def id_of(record: str) -> str:
    """Return the id in such a record."""
    return record.partition(' ')[0]


def each_of(setting: str) -> list[str]:
    """Return the secrets of a setting that may have several."""
    return [each for part in setting.split(',') if (each := part.strip())]


def with_new(new: str, setting: str, record: str) -> str:
    """Return a setting with a new secret: it replaces the one that was made before, and no other.

    Args:
        new: the secret.
        setting: the setting as it is.
        record: of what was made before, '' for nothing.
    """
    return ','.join([new, *others_than(record, setting)])


def others_than(record: str, setting: str) -> list[str]:
    """Return the secrets of a setting but the one that was made before; arguments as above."""
    return [each for each in each_of(setting) if record_of(id_of(record), each) != record]


def secrets_of(record: str, setting: str) -> list[str]:
    """Return the secrets of a setting that belong to something that was made; arguments as above."""
    return [each for each in each_of(setting) if record_of(id_of(record), each) == record]


def _is_known(made_id: str, known: Mapping[str, str], setting: str) -> bool:
    return any(record_of(made_id, each) in known.values() for each in each_of(setting))


def _is_right(endpoint: WebhookEndpoint, url: str) -> bool:
    return endpoint.is_enabled and not endpoint.missing_events and endpoint.url == url


def _delivers(subscription: Subscription, url: str) -> bool:
    return subscription.delivers and _same(subscription.url, url)


def _same(one: str, other: str) -> bool:
    return one.rstrip('/') == other.rstrip('/')
