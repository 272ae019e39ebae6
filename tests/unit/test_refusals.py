"""Refused deliveries in the log: one line for each cause in ten minutes, with a count and the remedy."""

import pytest

from services.endpoints.refusals import Refusals
from services.errors import BadRequest, NotSigned, WrongClock, WrongSecret
from services.ledger import Source


@pytest.mark.parametrize('source', list(Source))
def test_a_wrong_secret_is_said_once_with_the_setting(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    """A thousand refusals are one line, and ten minutes later one more that counts them."""
    now = 0.0
    refusals = Refusals(lambda: now)
    for _ in range(1000):
        refusals.log(source, WrongSecret('no'))
    assert len(caplog.messages) == 1
    assert 'the secret is wrong' in caplog.text
    assert f'{source.upper()}_WEBHOOK_S' in caplog.text
    now = 600.0
    refusals.log(source, WrongSecret('no'))
    assert len(caplog.messages) == 2
    assert '(999 more of the same since the last such line)' in caplog.messages[1]


def test_each_cause_has_its_own_line(caplog: pytest.LogCaptureFixture) -> None:
    """A flood of one cause hides no other cause, and no other sender."""
    refusals = Refusals(lambda: 0.0)
    causes = (
        WrongSecret('no'),
        WrongClock('no', age=900),
        NotSigned('no'),
        BadRequest('This is not JSON.'),
    )
    for _ in range(3):
        for cause in causes:
            for source in Source:
                refusals.log(source, cause)
    assert len(caplog.messages) == len(causes) * len(Source)
    assert 'This is not JSON.' in caplog.text


@pytest.mark.parametrize(('age', 'words'), [(900, 'dated 900 s ago'), (-330, 'dated 330 s ahead')])
def test_a_wrong_clock_is_said_with_its_seconds(
    age: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A signature that is right but of another time is no wrong secret."""
    Refusals(lambda: 0.0).log(Source.STRIPE, WrongClock('no', age=age))
    assert words in caplog.text
    assert 'a clock is off' in caplog.text
    assert 'secret' not in caplog.text
