"""``main.py serve``: run the shop."""

import logging
from collections.abc import Callable, Iterable

from services import logs
from services.settings import Settings
from services.shop import Shop, build

log = logging.getLogger(__name__)


def run(settings: Settings, *, start: Callable[[Shop], None], warnings: Iterable[str] = ()) -> None:
    """Run the shop until the process is stopped.

    Args:
        settings: the operator's.
        start: runs the web server.
        warnings: what looks like a mistake in the settings, to be logged once.
    """
    logs.set_up(form=settings.log_format, level=settings.log_level)
    for warning in warnings:
        log.warning('settings: %s', warning)
    start(build(settings))
