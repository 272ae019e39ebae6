"""Logging to stdout, as text or as JSON, with keys, tokens and session ids masked."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

SECRETS = (
    # Also parts of keys, as Stripe's messages quote them; a constraint's name such as pk_orders is no key.
    re.compile(r'\b((?:sk|rk|whsec)_(?:(?:test|live)_)?|pk_(?:test|live)_)[\w*]+'),
    re.compile(r'\b(cs_(?:test|live)_|cs_)[\w-]{6,}'),
    re.compile(r'(/order/)[\w-]+'),
)
"""What opens something, after a prefix that stays readable."""


def set_up(*, form: str, level: str) -> None:
    """Send all logging to stdout.

    Args:
        form: text or json.
        level: debug, info, warning or error.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt='iso', utc=True),
    ]
    plain = structlog.dev.ConsoleRenderer(colors=False)
    renderer = structlog.processors.JSONRenderer() if form == 'json' else plain
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        mask_event,
        renderer,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    handler.addFilter(is_news)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for direct in ('engineio.server', 'socketio.server'):  # they also print by themselves, unmasked
        logging.getLogger(direct).handlers.clear()
    for verbose in ('httpx', 'httpcore', 'stripe', 'alembic', 'uvicorn.access', 'asyncio'):
        logging.getLogger(verbose).setLevel(logging.WARNING)


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line says something new: not that an error that was logged or counted went on its way.

    NiceGUI and Uvicorn log every exception that reaches them; an open page meets an outage every second.
    """
    error = record.exc_info[1] if record.exc_info else None
    return not getattr(error, 'is_logged', False)


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask the secrets in every text of a log line."""
    return {name: mask_secrets(value) if isinstance(value, str) else value for name, value in event.items()}


def mask_secrets(text: str) -> str:
    """Replace keys, tokens and session ids in a text by an ellipsis."""
    for pattern in SECRETS:
        text = pattern.sub(r'\1…', text)
    return text
