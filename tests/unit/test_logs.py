"""No secret gets into a log line."""

import logging

import pytest

from services import errors, logs
from services.logs import mask_event, mask_secrets


@pytest.mark.parametrize(
    ('text', 'masked'),
    [
        ('Invalid API Key provided: sk_test_abc***xyz', 'Invalid API Key provided: sk_test_…'),
        ('rk_live_1, pk_live_2 and whsec_3', 'rk_live_…, pk_live_… and whsec_…'),
        ('sk_4242', 'sk_…'),
        ('session cs_test_a1B2-c3d4', 'session cs_test_…'),
        ('GET /order/vX9-_token?x=1', 'GET /order/…?x=1'),
        ('task_1, pk_orders and price_1', 'task_1, pk_orders and price_1'),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    """Keys, webhook secrets, session ids and order tokens keep only their prefix; other words stay."""
    assert mask_secrets(text) == masked


def test_every_text_of_a_log_line_is_masked() -> None:
    """The event and its fields are masked, other values stay."""
    line = {'event': 'sk_test_1', 'exception': 'whsec_2', 'count': 3}
    assert mask_event(None, '', line) == {'event': 'sk_test_…', 'exception': 'whsec_…', 'count': 3}


@pytest.mark.parametrize(
    ('error', 'logged'),
    [
        (errors.LedgerUnavailable('disk I/O error', error_id='00000000'), False),
        (errors.TooManyRequests(), False),
        (errors.OurFault(), True),
        (ValueError(), True),
    ],
)
def test_an_error_that_was_logged_is_not_logged_again(error: Exception, logged: bool) -> None:
    """The web server and NiceGUI log what reaches them; an outage would be a traceback a second."""
    record = logging.LogRecord('nicegui', logging.ERROR, '', 1, 'it failed', None, (type(error), error, None))
    assert logs.is_news(record) is logged
