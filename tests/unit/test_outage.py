"""An outage of the database: what is one, and what is logged of it."""

import pytest
from sqlalchemy.exc import OperationalError

from services.database import outage
from services.database.outage import LOG_EVERY, Outages

ERROR = OperationalError('SELECT 1', {}, Exception('the server is gone'))


class Time:
    """The monotonic clock, which a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Return the clock of the outages."""
    time = Time()
    monkeypatch.setattr(outage, 'time', time)
    return time


def begun(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the levels of all lines that say that an outage began."""
    lines = [record for record in caplog.records if 'does not work' in record.getMessage()]
    return [record.levelname for record in lines]


def test_a_second_outage_that_lasts_is_logged(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """It begins within a minute of the first line, and is logged once that minute is over; then once only."""
    outages = Outages('postgresql')
    outages.failed('reading', ERROR)
    outages.succeeded('writing')
    time.now += LOG_EVERY / 2
    outages.failed('reading', ERROR)
    assert begun(caplog) == ['ERROR']
    for _ in range(3):
        time.now += LOG_EVERY
        error = outages.failed('writing', ERROR)
    assert begun(caplog) == ['ERROR', 'ERROR']
    assert error.id in [record for record in caplog.messages if 'does not work' in record][-1]
    outages.succeeded('writing')
    assert f'4 requests to it failed [error {error.id}]' in caplog.messages[-1]
    outages.failed('writing', ERROR)
    assert begun(caplog) == ['ERROR'] * 3


def test_short_outages_are_not_logged_each_time(time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """A connection that comes and goes is one line a minute."""
    outages = Outages('postgresql')
    for _ in range(5):
        outages.failed('reading', ERROR)
        outages.succeeded('writing')
    assert begun(caplog) == ['ERROR']
