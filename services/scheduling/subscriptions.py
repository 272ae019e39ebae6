"""Calendly's webhook subscriptions: does one deliver bookings to this shop; make one, and delete it."""

from dataclasses import dataclass
from typing import Any

from services.errors import CalendarRefused
from services.scheduling.api import CalendlyApi, has_status
from services.scheduling.check import CalendarProblem
from services.scheduling.scopes import NOTHING

EVENTS = frozenset({'invitee.created', 'invitee.canceled'})
REMEDY = (
    'Run `main.py setup`, or make it anew (POST /webhook_subscriptions, developer.calendly.com) with the same'
    ' signing key. Until then bookings are read from Calendly, and none is lost.'
)


@dataclass(frozen=True)
class Subscription:
    """A subscription of the user; ``delivers`` says that it is active and has the events of bookings."""

    uri: str
    url: str
    made_at: str
    delivers: bool


class Subscriptions:
    """The webhook subscriptions that the token may see."""

    def __init__(self, api: CalendlyApi, url: str) -> None:
        """Make it; nothing is requested yet.

        Args:
            api: sends the requests.
            url: where this shop receives Calendly's deliveries.
        """
        self._api = api
        self.url = url

    async def check(self) -> CalendarProblem | None:
        """Check that a subscription delivers bookings here; None when nothing is wrong.

        Raises:
            CalendarUnavailable: it cannot be known, because Calendly cannot be reached or refuses.
        """
        ours = await self._read('user')
        refused: CalendarRefused | None = None
        if not any(map(_delivers, ours)):
            try:
                ours += await self._read('organization')
            except CalendarRefused as error:
                if not has_status(error, 403):
                    raise
                refused = error  # only an admin may read those
        if not ours and refused:
            raise refused
        return self._problem(ours)

    async def find(self, uri: str = '') -> list[Subscription]:
        """Return the user's subscription that names our URL, and the one with this URI.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        return [_from(each) for each in await self._read('user', uri)]

    async def try_to_write(self) -> None:
        """Try whether the token may make and delete subscriptions: delete one that does not exist.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        await self.delete(NOTHING)

    async def make(self, signing_key: str) -> Subscription:
        """Subscribe this shop to the user's bookings.

        Args:
            signing_key: with which Calendly signs its deliveries; it is never shown again.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        user = await self._api.me()
        body = {
            'url': self.url,
            'events': sorted(EVENTS),
            'organization': user['current_organization'],
            'user': user['uri'],
            'scope': 'user',
            'signing_key': signing_key,
        }
        made = (await self._api.ask('POST', '/webhook_subscriptions', json=body))['resource']
        return _from(made)

    async def delete(self, uri: str) -> None:
        """Delete a subscription; one that is gone already is no error.

        Raises:
            CalendarUnavailable: Calendly cannot be reached, or refuses.
        """
        try:
            await self._api.ask('DELETE', f'/webhook_subscriptions/{uri.rpartition("/")[2]}')
        except CalendarRefused as error:
            if not has_status(error, 404):
                raise

    async def _read(self, scope: str, uri: str = '') -> list[dict[str, Any]]:
        """Read the subscriptions of a scope that name our URL, or have a URI."""
        user = await self._api.me()
        wanted = {'scope': scope} | ({'user': user['uri']} if scope == 'user' else {})
        pages = self._api.pages('/webhook_subscriptions', wanted, owner='organization', patient=True)
        try:
            return [
                each
                async for each in pages
                if str(each['callback_url']).rstrip('/') == self.url or (uri and each['uri'] == uri)
            ]
        except (LookupError, TypeError, AttributeError) as error:
            raise CalendarRefused(f'the webhook subscriptions cannot be read: {error!r}') from error

    def _problem(self, ours: list[dict[str, Any]]) -> CalendarProblem | None:
        if not ours:
            return CalendarProblem(f'no webhook subscription at Calendly names {self.url}', REMEDY)
        active = [each for each in ours if each.get('state') == 'active']
        if not active:
            return CalendarProblem(f'the webhook subscription for {self.url} is disabled', REMEDY)
        if missing := EVENTS - {kind for each in active for kind in each.get('events') or ()}:
            kinds = ', '.join(sorted(missing))
            return CalendarProblem(f'the webhook subscription for {self.url} leaves out {kinds}', REMEDY)
        if all(each.get('retry_started_at') for each in active):
            since = active[0]['retry_started_at']
            return CalendarProblem(
                f'Calendly has failed to deliver bookings to {self.url} since {since}',
                'Check that the internet can reach this address and that the signing key is the same. After'
                ' a day of failures Calendly disables the subscription.',
            )
        return None


def _from(data: dict[str, Any]) -> Subscription:
    url, made_at = str(data['callback_url']), str(data.get('created_at') or '')
    return Subscription(str(data['uri']), url, made_at[:10], _delivers(data))


def _delivers(subscription: dict[str, Any]) -> bool:
    """Whether a subscription is in order as it is."""
    in_order = subscription.get('state') == 'active' and not subscription.get('retry_started_at')
    return in_order and set(subscription.get('events') or ()) >= EVENTS
