"""The texts as they are now: the one place where everything that shows them reads them."""

from collections.abc import Callable

from services.site.model import Site


class PresentSite:
    """Holds the present texts. They may be replaced at any time, so read ``site`` each time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._subscribers: list[Callable[[Site], object]] = []

    @property
    def site(self) -> Site:
        """The texts; the same object until they are replaced."""
        return self._site

    def replace(self, site: Site) -> None:
        """Have other texts shown from now on."""
        if site == self._site:
            return
        self._site = site
        for callback in self._subscribers:
            callback(site)

    def subscribe(self, callback: Callable[[Site], object]) -> None:
        """Call something with the texts after each change, for as long as the process runs."""
        self._subscribers.append(callback)
