"""Who may set up a shop on its pages: whoever has the code that the start has printed."""

import hmac
import secrets

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

WRONG_CODES = (
    '20/minute'  # by everybody together; the right code always works, so nobody locks the operator out
)


class SetUpAccess:
    """The code of one process, which works once, and the value of the cookie that it is exchanged for."""

    def __init__(self) -> None:
        self.code = secrets.token_urlsafe(18)
        self._cookie = secrets.token_urlsafe(32)
        self._limit = parse(WRONG_CODES)
        self._wrong = SlidingWindowCounterRateLimiter(MemoryStorage())

    def exchange(self, code: str) -> str | None:
        """Return the value of the cookie for the right code, '' for a wrong one, None for one too many.

        After the right one there is a new code.

        Args:
            code: what was sent.
        """
        if hmac.compare_digest(code.encode(), self.code.encode()):
            self.code = secrets.token_urlsafe(18)
            return self._cookie
        return '' if self._wrong.hit(self._limit) else None

    def admits(self, cookie: str) -> bool:
        """Whether a cookie is the one that the code was exchanged for."""
        return hmac.compare_digest(cookie.encode(), self._cookie.encode())
