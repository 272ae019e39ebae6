"""The client of Calendly that the settings and the texts of the site ask for."""

from collections.abc import Callable

from services.scheduling.client import Scheduling
from services.settings import Settings
from services.site import Site


def build_scheduling(settings: Settings, site: Callable[[], Site]) -> Scheduling:
    """Make the client; nothing is requested yet.

    Args:
        settings: what the operator decided.
        site: returns the present texts.
    """
    return Scheduling(
        settings.calendly_link,
        token=settings.calendly_token,
        api_base=settings.calendly_api_base,
        domain=settings.domain,
        hosts=settings.calendar_hosts,
        accent=lambda: site().theme.accent,
    )
