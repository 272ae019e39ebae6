"""Checks the public page of the event type, where there is no token or no answer about it."""

import asyncio

import httpx

from services.errors import CalendarUnavailable
from services.scheduling.api import DEADLINE
from services.scheduling.check import CalendarProblem, problem_of_error, problem_of_page


class PublicPage:
    """The page behind CALENDLY_LINK; it is asked without the token, which it must not be sent."""

    def __init__(self, link: str) -> None:
        self._link = link
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
            async with asyncio.timeout(DEADLINE.total_seconds()):
                answer = await self.http.get(self._link)
        except (httpx.HTTPError, TimeoutError) as error:
            return problem_of_error(CalendarUnavailable(f'GET CALENDLY_LINK: {error!r}'))
        return problem_of_page(answer, self._link)
