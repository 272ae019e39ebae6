"""Requests to Calendly's API, and what their failures mean."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx

from services.errors import CalendarRefused, CalendarUnavailable

API = 'https://api.calendly.com'
DEADLINE = timedelta(seconds=6)
PAGES = 20  # of a hundred event types or meetings each; nobody has more


class CalendlyApi:
    """Sends every request of this shop to Calendly's API; all of them count against one limit."""

    def __init__(self, token: str, *, base: str) -> None:
        """Make it; nothing is requested yet.

        Args:
            token: a personal access token, or '' where the API cannot be used.
            base: another address of the API, or '' for Calendly's own.
        """
        self.has_token = bool(token)
        self._http = httpx.AsyncClient(
            base_url=base or API,
            headers={'Authorization': f'Bearer {token}'},
            timeout=httpx.Timeout(4, connect=2),
            # Plain http (the sandbox) has no certificate, and reading all trusted ones takes long.
            verify=not base.startswith('http://'),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send one request; returns its answer, {} where there is none (204).

        Raises:
            CalendarRefused: Calendly answered, and refused this request.
            CalendarUnavailable: Calendly cannot be reached, or asks for fewer requests.
        """
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                answer = await self._http.request(method, path, **options)
            answer.raise_for_status()
            data: dict[str, Any] = answer.json() if answer.content else {}
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            what = str(error).partition('\n')[0] or type(error).__name__
            kind = CalendarRefused if _is_refusal(error) else CalendarUnavailable
            raise kind(f'{method} {path}: {what}') from error
        return data

    async def me(self) -> dict[str, Any]:
        """Read whose token this is (GET /users/me)."""
        user: dict[str, Any] = (await self.ask('GET', '/users/me'))['resource']
        return user

    async def pages(self, path: str, wanted: dict[str, str], *, owner: str) -> AsyncIterator[dict[str, Any]]:
        """Read a list of what belongs to the user whose token this is, or to the organization.

        Args:
            path: of the list.
            wanted: its filters.
            owner: ``user`` or ``organization``.
        """
        user = await self.me()
        uri = user['uri'] if owner == 'user' else user['current_organization']
        page = wanted | {owner: uri, 'count': '100'}
        for _ in range(PAGES):
            answer = await self.ask('GET', path, params=page)
            for each in answer.get('collection', []):
                yield each
            token = (answer.get('pagination') or {}).get('next_page_token')
            if not token:
                return
            page['page_token'] = token


def answer_of(error: CalendarUnavailable) -> httpx.Response | None:
    """Return the answer with which Calendly refused, None when there was none."""
    cause = error.__cause__
    return cause.response if isinstance(cause, httpx.HTTPStatusError) else None


def has_status(error: CalendarUnavailable, *statuses: int) -> bool:
    """Whether Calendly answered with one of these statuses."""
    answer = answer_of(error)
    return answer is not None and answer.status_code in statuses


def words_of(error: CalendarUnavailable) -> str:
    """Return the words with which Calendly refused, with those of the details; '' without any."""
    answer = answer_of(error)
    try:
        body = answer.json() if answer is not None else {}
        details = [str(each.get('message') or '') for each in body.get('details') or ()]
        words = [str(body.get('message') or body.get('title') or ''), *details]
    except (ValueError, AttributeError, TypeError):
        return ''
    return ': '.join(filter(None, words))[:500]


def _is_refusal(error: Exception) -> bool:
    """Whether Calendly answered, and will answer other requests."""
    if not isinstance(error, httpx.HTTPStatusError):
        return False
    return error.response.is_client_error and error.response.status_code != 429
