"""The webhook endpoints of the account at Stripe: listed, made and deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.errors import PaymentRefused
from services.payments.api import StripeApi
from services.payments.errors import refusals
from services.payments.events import RELEVANT

PATH = '/v1/webhook_endpoints'
LIMIT = 100  # of one page; an account has at most 16 endpoints
DESTINATIONS = '/v2/core/event_destinations'
DESTINATION_LIMIT = 20
NO_ENDPOINT = 'we_0PaidslotSetUpDoesNotExist'
MADE_BY, SET_UP = 'made_by', 'paidslot setup'  # metadata of the endpoints that the set-up has made


@dataclass(frozen=True)
class WebhookEndpoint:
    """An endpoint; ``is_ours`` says that the set-up has made it.

    ``kind`` tells an endpoint from an event destination, and what that one sends.
    """

    id: str
    url: str
    events: frozenset[str]
    is_enabled: bool
    is_ours: bool
    kind: str = 'webhook endpoint'

    @property
    def missing_events(self) -> frozenset[str]:
        """The events that the shop uses, and this endpoint does not receive."""
        return frozenset() if '*' in self.events else RELEVANT - self.events


class WebhookEndpoints:
    """The endpoints of this account and mode."""

    def __init__(self, api: StripeApi) -> None:
        """Make it; nothing is requested yet."""
        self._api = api

    async def read_all(self) -> tuple[WebhookEndpoint, ...]:
        """Return all endpoints.

        Raises:
            PaymentRefused: the key may not read endpoints.
            ShopError: Stripe does not answer.
        """
        with refusals():
            return tuple(map(_from, (await self._api.read_in_set_up(PATH, limit=LIMIT))['data']))

    async def read_destinations(self) -> tuple[WebhookEndpoint, ...]:
        """Return the event destinations that are webhook endpoints; Stripe may list some in both lists.

        Raises:
            ShopError: Stripe does not answer, or the key may not read them.
        """
        answer = await self._api.read_in_set_up(
            DESTINATIONS, include=['webhook_endpoint.url'], limit=DESTINATION_LIMIT
        )
        return tuple(_from_destination(each) for each in answer['data'] if each['type'] == 'webhook_endpoint')

    async def make(self, url: str, *, attempt: str) -> tuple[WebhookEndpoint, str]:
        """Make an endpoint with the events that the shop uses; returns it and its secret.

        Stripe shows the secret in this answer and never again.

        Args:
            url: where Stripe sends the events.
            attempt: our id of this attempt; a second request with it gives the same endpoint.

        Raises:
            PaymentRefused: Stripe refuses, or the key has no right to.
            ShopError: Stripe does not answer.
        """
        with refusals():
            answer = await self._api.post(
                PATH,
                idempotency_key=f'endpoint-{attempt}',
                url=url,
                enabled_events=sorted(RELEVANT),
                description='Paidslot',
                metadata={MADE_BY: SET_UP},
            )
        return _from(answer), str(answer['secret'])

    async def try_to_write(self) -> None:
        """Try whether the key may make and delete endpoints: delete one that does not exist.

        Raises:
            PaymentRefused: the key has no right to.
            ShopError: Stripe does not answer.
        """
        try:
            await self.delete(NO_ENDPOINT)
        except PaymentRefused as error:
            if error.reason != 'resource_missing':
                raise

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint; one that is gone already is refused with the reason ``resource_missing``.

        Raises:
            PaymentRefused: Stripe refuses.
            ShopError: Stripe does not answer.
        """
        with refusals():
            await self._api.delete(f'{PATH}/{quote(endpoint_id, safe="")}')


def _from(data: Mapping[str, Any]) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=data['id'],
        url=data['url'],
        events=frozenset(data['enabled_events']),
        is_enabled=data['status'] == 'enabled',
        is_ours=(data.get('metadata') or {}).get(MADE_BY) == SET_UP,
    )


def _from_destination(data: Mapping[str, Any]) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=data['id'],
        url=str((data.get('webhook_endpoint') or {}).get('url') or ''),
        events=frozenset(str(kind).removeprefix('v1.') for kind in data['enabled_events']),
        is_enabled=data['status'] == 'enabled',
        is_ours=False,
        kind=f'event destination with {data["event_payload"]} events',
    )
