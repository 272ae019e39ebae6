"""Logging to stdout, as text or as JSON; keys, tokens and session ids never get through."""

import logging
import re
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

SECRETS = (
    (re.compile(r'\b((?:sk|rk|pk)_(?:test|live)_|whsec_)[\w*]+'), r'\1…'),
    (re.compile(r'\b(cs_(?:test|live)_|cs_)[\w-]{6,}'), r'\1…'),
    (re.compile(r'(/order/)[\w-]+'), r'\1…'),
)


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
        masked,
        renderer,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for own_way in ('engineio.server', 'socketio.server'):  # they print by themselves as well, unmasked
        logging.getLogger(own_way).handlers.clear()
    for chatty in ('httpx', 'httpcore', 'stripe', 'alembic', 'uvicorn.access', 'asyncio'):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank out in every text of a log line what opens something."""
    return {name: _mask(value) if isinstance(value, str) else value for name, value in event.items()}


def _mask(text: str) -> str:
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text
