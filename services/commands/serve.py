"""``main.py serve``: run the shop."""

from collections.abc import Callable

from services import logs
from services.settings import Settings
from services.shop import Shop, build


def run(settings: Settings, *, start: Callable[[Shop], None]) -> None:
    """Run the shop until the process is stopped.

    Args:
        settings: the operator's.
        start: runs the web server.
    """
    logs.set_up(form=settings.log_format, level=settings.log_level)
    start(build(settings))
