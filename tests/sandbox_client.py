"""The sandbox of Stripe and Calendly as a test sees them: where they are, and the faults to pull."""

from collections.abc import Mapping
from typing import Any

import httpx

# A server lets go of an idle connection after five seconds, as httpx does by itself: who is first must not be
# left to chance.
PROMPT = httpx.Limits(keepalive_expiry=1)


class SandboxClient:
    """One running sandbox; every method is an HTTP call to it.

    A call that pays may wait for the shop to take the webhook. A test whose shop lives in its own event loop
    therefore pays with ``await asyncio.to_thread(sandbox.pay, session_id)``.
    """

    def __init__(self, base: str, settings: Mapping[str, str]) -> None:
        self.base = base
        self.settings = dict(settings)
        self._http = httpx.Client(base_url=base, timeout=30, limits=PROMPT, trust_env=False)

    @property
    def calendly_link(self) -> str:
        """The public address of the event type, as the operator would set it."""
        return self.settings['CALENDLY_LINK']

    def fault(self, match: str, do: str, **how: Any) -> None:
        """Let something go wrong next, such as ``fault('POST /v1/*', 'fail', status=500)``."""
        self._call('POST', '/faults', {'next': [{'match': match, 'do': do, **how}]})

    def clear_faults(self) -> None:
        """Let nothing more go wrong."""
        self._call('DELETE', '/faults')

    def act(self, verb: str, **what: Any) -> dict[str, Any]:
        """Do what only the outside can do: ``expire``, ``settle``, ``refund``, ``dispute``, ``price``, …"""
        return self._call('POST', f'/actions/{verb}', what)

    def pay(self, session: str, **how: Any) -> dict[str, Any]:
        """Pay as a customer on Stripe's page does; tells ``outcome`` and ``redirect``.

        Args:
            session: the session's id, or the address of its page.
            how: ``card``, ``email``, ``name``, ``method`` (card or bank), ``code``, ``authenticate``.
        """
        session_id = session.rpartition('/')[2].partition('#')[0]
        return self.act('pay', session=session_id, **how)

    def book(self, url: str, **who: Any) -> dict[str, Any]:
        """Book the first free time on a booking page, with what the address prefills; returns the invitee."""
        return self.act('book', url=url, **who)

    def requests(self, path: str = '') -> list[dict[str, Any]]:
        """What was asked of the sandbox since the last reset; only addresses that hold ``path``."""
        found: list[dict[str, Any]] = self._call('GET', '/requests')['requests']
        return [request for request in found if path in f'{request["method"]} {request["path"]}']

    def state(self) -> dict[str, Any]:
        """All that the sandbox hold: sessions, payments, events, deliveries, invitees, mails sent."""
        return self._call('GET', '/state')

    def send_webhooks_to(self, shop: str) -> None:
        """Let both services deliver to the shop at this address, until the next reset."""
        self.act('webhooks', stripe=f'{shop}/webhooks/stripe', calendly=f'{shop}/webhooks/calendly')

    def reset(self) -> None:
        """Forget everything, as after a fresh start."""
        self.act('reset')

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer = self._http.request(method, path, json=body)
        assert answer.is_success, f'{method} {path}: {answer.status_code} {answer.text}'
        told: dict[str, Any] = answer.json()
        return told
