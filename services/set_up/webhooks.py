"""The webhook endpoint at Stripe and the subscription at Calendly: found, made, replaced and deleted."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from services.errors import PaymentRefused
from services.payments import Payments, WebhookEndpoint
from services.scheduling import Scheduling, Subscription

ENDPOINT, SUBSCRIPTION = 'endpoint', 'subscription'  # names of what was made, in the ledger


@dataclass(frozen=True)
class Made:
    """What a step has come to.

    Attributes:
        id: of the endpoint or subscription.
        secret: the one that belongs to it; '' if it is the one that was known already.
        words: what was done, for people.
    """

    id: str
    secret: str
    words: str


async def provide_endpoint(payments: Payments, url: str, known: Mapping[str, str], secret: str) -> Made:
    """Have an endpoint at Stripe whose secret is known: the one that was made before, or a new one.

    Args:
        payments: Stripe.
        url: where the shop receives deliveries.
        known: what was made, by name, as `record_of` writes it.
        secret: the secret that is known, '' for none.

    Raises:
        PaymentRefused: Stripe refuses.
        ShopError: Stripe does not answer.
    """
    made_before, found = id_of(known.get(ENDPOINT, '')), await payments.endpoints.read_all()
    old = [each for each in found if each.is_ours and (_same(each.url, url) or each.id == made_before)]
    for each in old:
        if _is_right(each, url) and known.get(ENDPOINT) == record_of(each.id, secret):
            return Made(each.id, '', f'The endpoint {url} exists, and its secret is known.')
    made, new_secret = await payments.endpoints.make(url, attempt=secrets.token_hex(16))
    others = _others(found, old, url)
    if made_before and all(each.id != made_before for each in found):
        others += f'; {made_before}, made before, is not in this account and mode: delete it where it is'
    return Made(made.id, new_secret, f'The endpoint {url} was made at Stripe{others}.')


async def delete_old_endpoints(payments: Payments, url: str, known: Mapping[str, str], keep: str) -> int:
    """Delete the endpoints that the set-up has made for this shop, but one; returns how many.

    Args:
        payments: Stripe.
        url: where the shop receives deliveries.
        known: what was made, by name.
        keep: the id of the one that stays, '' for none.
    """
    made_before, count = id_of(known.get(ENDPOINT, '')), 0
    for each in await payments.endpoints.read_all():
        is_of_this_shop = _same(each.url, url) or each.id == made_before
        if each.is_ours and is_of_this_shop and each.id != keep:
            await _delete_endpoint(payments, each.id)
            count += 1
    return count


async def provide_subscription(scheduling: Scheduling, known: Mapping[str, str], key: str) -> Made:
    """Have a subscription at Calendly whose signing key is known; arguments and words as above.

    A user can have one subscription for a URL, and its key is never shown. So one whose key is not known is
    deleted before another one is made.

    Raises:
        CalendarUnavailable: Calendly cannot be reached, or refuses.
    """
    found: Subscription | None = await scheduling.subscriptions.find()
    if found and found.delivers and known.get(SUBSCRIPTION) == record_of(found.uri, key):
        return Made(found.uri, '', 'The subscription exists, and its signing key is known.')
    replaced = ''
    if found:
        await scheduling.subscriptions.delete(found.uri)
        replaced = ' The one before, whose key was not known or which was disabled, was deleted.'
    new_key = secrets.token_urlsafe(32)
    made = await scheduling.subscriptions.make(new_key)
    return Made(made.uri, new_key, f'The subscription was made at Calendly.{replaced}')


def record_of(made_id: str, secret: str) -> str:
    """Return what the ledger keeps of something that was made: its id, and which secret belongs to it."""
    return f'{made_id} {hashlib.sha256(secret.encode()).hexdigest()[:16]}'


def id_of(record: str) -> str:
    """Return the id in such a record."""
    return record.partition(' ')[0]


async def _delete_endpoint(payments: Payments, endpoint_id: str) -> None:
    try:
        await payments.endpoints.delete(endpoint_id)
    except PaymentRefused as error:
        if error.reason != 'resource_missing':
            raise


def _is_right(endpoint: WebhookEndpoint, url: str) -> bool:
    return endpoint.is_enabled and not endpoint.missing_events and endpoint.url == url


def _same(one: str, other: str) -> bool:
    return one.rstrip('/') == other.rstrip('/')


def _others(found: tuple[WebhookEndpoint, ...], old: list[WebhookEndpoint], url: str) -> str:
    """Say which endpoints stay that were made by somebody else, and what becomes of ours."""
    words = ''
    if old:
        words += '; the one before, whose secret is not known or which does not fit, is deleted'
    if any(_same(each.url, url) and not each.is_ours for each in found):
        words += (
            '; another endpoint with this URL, which this set-up has not made, stays as it is: '
            'delete it in Stripe, or its deliveries fail'
        )
    return words
