"""A client for the sandbox: faults, actions, state and request log."""

from collections.abc import Mapping
from typing import Any

import httpx

# The server closes an idle connection after five seconds, the default of httpx too. The client closes it
# earlier, so that it never sends a request on a connection that the server is closing.
PROMPT = httpx.Limits(keepalive_expiry=1)


class SandboxClient:
    """Control a running sandbox; every method is an HTTP request.

    A payment waits until the shop has answered the webhook. A test whose shop runs in the test's event loop
    therefore pays with ``await asyncio.to_thread(sandbox.pay, session_id)``.
    """

    def __init__(
        self, base: str, settings: Mapping[str, str], mail_settings: Mapping[str, str] | None = None
    ) -> None:
        self.base = base
        self.settings = dict(settings)
        self.mail_settings = dict(mail_settings or {})
        self._http = httpx.Client(base_url=base, timeout=30, limits=PROMPT, trust_env=False)

    @property
    def calendly_link(self) -> str:
        """The public URL of the event type, as an operator would set it."""
        return self.settings['CALENDLY_LINK']

    def fault(self, match: str, do: str, **how: Any) -> None:
        """Inject a fault, such as ``fault('POST /v1/*', 'fail', status=500)``."""
        self._call('POST', '/faults', {'next': [{'match': match, 'do': do, **how}]})

    def clear_faults(self) -> None:
        """Delete all faults."""
        self._call('DELETE', '/faults')

    def act(self, action: str, **params: Any) -> dict[str, Any]:
        """Run an action of a customer, bank or dashboard, such as ``expire`` or ``refund``."""
        return self._call('POST', f'/actions/{action}', params)

    def pay(self, session: str, **how: Any) -> dict[str, Any]:
        """Pay as a customer on Stripe's page; return ``outcome``, ``message`` and ``redirect``.

        Args:
            session: the session's id, or the URL of its page.
            how: ``card``, ``email``, ``name``, ``method`` (card or bank), ``code``, ``authenticate``.
        """
        session_id = session.rpartition('/')[2].partition('#')[0]
        return self.act('pay', session=session_id, **how)

    def book(self, url: str, **who: Any) -> dict[str, Any]:
        """Book the first free time on a booking page, with the values in its URL; return the invitee."""
        return self.act('book', url=url, **who)

    def requests(self, path: str = '') -> list[dict[str, Any]]:
        """Return the requests since the last reset whose method and path contain ``path``."""
        found: list[dict[str, Any]] = self._call('GET', '/requests')['requests']
        return [request for request in found if path in f'{request["method"]} {request["path"]}']

    def calls(self) -> dict[str, Any]:
        """Return how many calls Calendly's API received: ``total``, ``by_path`` and ``most_in_a_minute``.

        Calls that failed, were refused or got no answer count too. Ids in a path are ``{uuid}``.
        """
        return self._call('GET', '/calls')

    def clear_calls(self) -> None:
        """Begin to count the calls of Calendly's API anew."""
        self._call('DELETE', '/calls')

    def state(self) -> dict[str, Any]:
        """Return the whole state: sessions, payments, events, deliveries, invitees and sent mails."""
        return self._call('GET', '/state')

    def mails(self, to: str = '') -> list[dict[str, Any]]:
        """Return the mails that the SMTP server has taken, the oldest first."""
        found: list[dict[str, Any]] = self.state()['mails']
        return [mail for mail in found if to in ('', mail['to'])]

    def send_webhooks_to(self, shop: str) -> None:
        """Send the webhooks of both services to the shop at this URL, until the next reset."""
        self.act('webhooks', stripe=f'{shop}/webhooks/stripe', calendly=f'{shop}/webhooks/calendly')

    def reset(self) -> None:
        """Delete everything, as after a new start."""
        self.act('reset')

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        response = self._http.request(method, path, json=body)
        assert response.is_success, f'{method} {path}: {response.status_code} {response.text}'
        result: dict[str, Any] = response.json()
        return result
