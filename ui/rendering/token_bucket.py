"""A token bucket: allows a rate, and a burst after a quiet time."""

from collections.abc import Callable


class TokenBucket:
    """Holds up to ``size`` tokens; ``rate`` new ones come each second."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float]) -> None:
        self._rate, self._size, self._clock = rate, size, clock
        self._tokens, self._filled_at = size, clock()

    def has(self, number: float) -> bool:
        """Whether it holds that many tokens now."""
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return self._tokens >= number

    def take(self) -> bool:
        """Take one token, if there is one."""
        if not self.has(1):
            return False
        self._tokens -= 1
        return True
