"""An outage of the database: logged when it begins and when it ends, counted in between."""

import logging
import secrets
import time

from services.database.problems import in_words
from services.errors import LedgerUnavailable

log = logging.getLogger(__name__)

LOG_EVERY = 60.0  # seconds; an outage that comes again sooner is logged only if it lasts until then


class Outages:
    """Turns failures of one database into LedgerUnavailable; one log line and one traceback for an outage."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._failing: set[str] = set()  # reading, writing
        self._failures = 0
        self._is_logged = False  # the present outage
        self._logged_at = -LOG_EVERY
        self._error_id = ''

    @property
    def active(self) -> bool:
        """Whether something failed and has not succeeded since."""
        return bool(self._failing)

    def failed(self, doing: str, error: Exception) -> LedgerUnavailable:
        """Count a failure and log the outage once; returns the error to raise.

        Args:
            doing: reading or writing.
            error: what the driver or SQLAlchemy raised.
        """
        words = in_words(error, self._dialect)
        self._failures += 1
        if not self._is_logged and time.monotonic() >= self._logged_at + LOG_EVERY:
            self._is_logged, self._logged_at = True, time.monotonic()
            self._error_id = secrets.token_hex(4)
            line = 'the database does not work: %s %s failed; the next failures are only counted [error %s]'
            log.error(line, words, doing, self._error_id, exc_info=error)
        self._failing.add(doing)
        return LedgerUnavailable(words, error_id=self._error_id)

    def succeeded(self, doing: str) -> None:
        """Note a success; what can be written can be read too."""
        if not self._failing:
            return
        self._failing = self._failing - {doing} if doing == 'reading' else set()
        if not self._failing:
            line = 'the database works again; %d requests to it failed [error %s]'
            log.warning(line, self._failures, self._error_id)
            self._failures, self._is_logged = 0, False
