"""Requests to Calendly's API, and what their failures mean."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx

from services.errors import CalendarRefused, CalendarUnavailable
from services.scheduling.budget import CallBudget
from services.scheduling.shared_call import SharedCall

API = 'https://api.calendly.com'
DEADLINE = timedelta(seconds=6)
ANY_400 = 'The supplied parameters are invalid.'  # the message of nearly every 400; its details say more
STALE = (401, 403, 404)  # statuses after which it is not sure any more whose token this is
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
        self.budget = CallBudget()
        self._me: dict[str, Any] | None = None
        self._asking_me: SharedCall[dict[str, Any]] = SharedCall()
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

    async def ask(self, method: str, path: str, *, patient: bool = False, **options: Any) -> dict[str, Any]:
        """Send one request; returns its answer, {} where there is none (204).

        Args:
            method: of the request.
            path: of the request.
            patient: wait for a turn while the limit is reached, and leave room for customers.
            options: those of httpx.

        Raises:
            CalendarRefused: Calendly answered, and refused this request.
            CalendarUnavailable: Calendly cannot be reached, or asks for fewer requests.
        """
        await self.budget.take(patient=patient)
        answer: httpx.Response | None = None
        try:
            async with asyncio.timeout(DEADLINE.total_seconds()):
                answer = await self._http.request(method, path, **options)
            if answer.status_code in STALE:
                self._me = None
            answer.raise_for_status()
            data: dict[str, Any] = answer.json() if answer.content else {}
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            kind = CalendarRefused if _is_refusal(error) else CalendarUnavailable
            raise kind(f'{method} {path}: {cause_of(error)}') from error
        finally:
            self.budget.end(answer, patient=patient)
        return data

    async def me(self) -> dict[str, Any]:
        """Return whose token this is (GET /users/me); it is asked again after a refusal only."""
        return self._me or await self._asking_me.run(self._ask_me)

    async def _ask_me(self) -> dict[str, Any]:
        answer = await self.ask('GET', '/users/me')
        try:
            self._me = dict(answer['resource'])
        except (LookupError, TypeError, ValueError) as error:
            raise CalendarUnavailable(f'the user cannot be read: {error!r}') from error
        return self._me

    async def pages(
        self, path: str, wanted: dict[str, str], *, owner: str, patient: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Read a list of what belongs to the user whose token this is, or to the organization.

        Args:
            path: of the list.
            wanted: its filters.
            owner: ``user`` or ``organization``.
            patient: wait for turns while the limit is reached, and leave room for customers.
        """
        user, answer = await self._first_page(path, wanted, owner=owner, patient=patient)
        for number in range(PAGES):
            for each in answer.get('collection', []):
                yield each
            token = (answer.get('pagination') or {}).get('next_page_token')
            if not token or number == PAGES - 1:
                return
            page = _page(wanted, user, owner) | {'page_token': token}
            answer = await self.ask('GET', path, params=page, patient=patient)

    async def _first_page(
        self, path: str, wanted: dict[str, str], *, owner: str, patient: bool
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return whose list it is, and its first page."""
        user = await self.me()
        try:
            return user, await self.ask('GET', path, params=_page(wanted, user, owner), patient=patient)
        except CalendarRefused:
            now = await self.me()
            if now == user:
                raise
            # What was known was outdated: it is another user, or belongs to another organization since.
            return now, await self.ask('GET', path, params=_page(wanted, now, owner), patient=patient)


def _page(wanted: dict[str, str], user: dict[str, Any], owner: str) -> dict[str, str]:
    uri = user['uri'] if owner == 'user' else user['current_organization']
    return wanted | {owner: uri, 'count': '100'}


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
        words = [str(body.get('message') or body.get('title') or '').replace(ANY_400, ''), *details]
    except (ValueError, AttributeError, TypeError):
        return ''
    return ': '.join(filter(None, words))[:500]


def cause_of(error: Exception) -> str:
    """Say why a request failed, without anything of an answer that cannot be read: it may hold a secret."""
    if isinstance(error, httpx.HTTPStatusError):
        return f'status {error.response.status_code}'
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return 'no answer in time'
    if isinstance(error, ValueError | httpx.DecodingError):
        return 'the answer cannot be read'
    if isinstance(error, httpx.ProtocolError):  # its words may quote what came
        return 'no answer that can be read'
    why = f': {error}' if isinstance(error, httpx.ConnectError) else ''
    return f'no connection ({type(error).__name__}{why})'


def _is_refusal(error: Exception) -> bool:
    """Whether Calendly answered, and will answer other requests."""
    if not isinstance(error, httpx.HTTPStatusError):
        return False
    return error.response.is_client_error and error.response.status_code != 429
