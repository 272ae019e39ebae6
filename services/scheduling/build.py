"""The client of Calendly that the settings and the texts of the site ask for."""

from services.scheduling.client import Scheduling
from services.settings import Settings
from services.site import Site


def build_scheduling(settings: Settings, texts: Site) -> Scheduling:
    """Make the client; nothing is requested yet.

    Args:
        settings: what the operator decided.
        texts: of the site.
    """
    return Scheduling(
        settings.calendly_link,
        token=settings.calendly_token,
        api_base=settings.calendly_api_base,
        domain=settings.domain,
        hosts=settings.calendar_hosts,
        accent=texts.theme.accent,
    )
