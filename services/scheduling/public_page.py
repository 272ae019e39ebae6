"""Checks the public page of the event type, where there is no token or no answer about it."""

import asyncio
import time

import httpx

from services.errors import CalendarUnavailable
from services.scheduling.api import DEADLINE, cause_of
from services.scheduling.check import CalendarProblem, problem_of_error, problem_of_page
from services.scheduling.shared_call import SharedCall

KNOWN_FOR = 5.0  # seconds in which the page is not asked again whether it answers


class PublicPage:
    """The page behind CALENDLY_LINK; it is asked without the token, which it must not be sent."""

    def __init__(self, link: str) -> None:
        self._link = link
        self._asking: SharedCall[bool] = SharedCall()
        self._answered, self._asked_at = True, -KNOWN_FOR
        self.http = httpx.AsyncClient(
            timeout=httpx.Timeout(4, connect=2),
            follow_redirects=True,
            verify=not link.startswith('http://'),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def check(self) -> CalendarProblem | None:
        """Check that the page exists; None when nothing is wrong."""
        try:
            answer = await self._get()
        except (httpx.HTTPError, TimeoutError) as error:
            return problem_of_error(CalendarUnavailable(f'GET CALENDLY_LINK: {cause_of(error)}'))
        return problem_of_page(answer, self._link)

    async def answers(self) -> bool:
        """Whether the page answers at all, now or a few seconds ago; a refusal is an answer too."""
        if time.monotonic() - self._asked_at >= KNOWN_FOR:
            self._answered = await self._asking.run(self._does_answer)
        return self._answered

    async def _does_answer(self) -> bool:
        try:
            return not (await self._get()).is_server_error
        except (httpx.HTTPError, TimeoutError):
            return False
        finally:
            self._asked_at = time.monotonic()

    async def _get(self) -> httpx.Response:
        async with asyncio.timeout(DEADLINE.total_seconds()):
            async with self.http.stream('GET', self._link) as answer:
                return answer  # its body is not read
