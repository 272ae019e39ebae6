"""The texts that are shown: the newest version that was published in the admin, else those of the file."""

import asyncio
import logging
from datetime import datetime

from services.background import Background
from services.errors import LedgerUnavailable
from services.ledger import Ledger, SiteVersion
from services.site import (
    EXAMPLE,
    PlaceProblem,
    PresentSite,
    Site,
    SiteFile,
    SiteProblem,
    digest_of_words,
    example_places,
    examples_in,
    read,
    with_rules_of,
)

log = logging.getLogger(__name__)

READ_EVERY = 3.0  # seconds until this process shows what another one has published
TRIED = 20  # versions, when a process starts
FILE = 0  # the number of the file among the versions


class Texts:
    """Chooses the version that is shown, and learns of those that other processes publish.

    A version that this code refuses, for example because a later one reads more texts, is left out.
    """

    def __init__(self, ledger: Ledger, file: SiteFile, present: PresentSite, *, live: bool) -> None:
        """Make it; nothing is read yet.

        Args:
            ledger: has the versions.
            file: has the rules, and the words until some are published.
            present: where the chosen texts are put.
            live: whether real customers read them; then examples are refused.
        """
        self._ledger = ledger
        self._present = present
        self._live = live
        self._refused: list[tuple[int, list[str]]] = []
        self._newest = FILE  # the number of the newest published version that was looked at
        self._background = Background(self._run)
        self.file = file
        self.file_digest = digest_of_words(file.text)
        self.shown: SiteVersion | None = None
        """The version that is shown; None for the file."""

    async def open(self) -> None:
        """Choose what is shown from the start.

        Raises:
            SiteProblem: nothing can be shown to real customers: examples are left everywhere.
        """
        self._choose(await self._ledger.site_versions.published(limit=TRIED))
        if self.shown is None and self._live and (left := examples_in(self.file.site)):
            raise SiteProblem([f'{self.file.path}: {place}, {EXAMPLE}' for place in left])

    def start(self) -> None:
        """Look for new versions every few seconds until stopped."""
        self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    async def refresh(self) -> None:
        """Show what was published meanwhile, here or by another process."""
        newer = await self._ledger.site_versions.published(after=self._newest, limit=TRIED)
        # Another look may have ended meanwhile, and have found later ones.
        self._choose(tuple(version for version in newer if version.version > self._newest))

    async def site_at(self, time: datetime) -> Site:
        """Return the texts that were shown at a time in UTC, as far as this code can read them."""
        version = await self._ledger.site_versions.at(time)
        try:
            return self.site_of(version.toml, f'version {version.version}') if version else self.file.site
        except SiteProblem:
            return self._present.site

    def site_of(self, toml: str, source: str) -> Site:
        """Return the site that a version describes, with the rules of the file.

        Args:
            toml: the text of the version.
            source: how problems name it.

        Raises:
            SiteProblem: this code refuses it.
        """
        site = with_rules_of(read(toml, source=source), self.file.site)
        if self._live and (left := examples_in(site)):
            raise SiteProblem([f'{source}: {place}, {EXAMPLE}' for place in left])
        return site

    def example_problems(self, site: Site) -> tuple[PlaceProblem, ...]:
        """Return the examples that must not be published, because real customers read them."""
        if not self._live:
            return ()
        return tuple(PlaceProblem(place, f' is {text!r}, {EXAMPLE}') for place, text in example_places(site))

    @property
    def problem(self) -> str:
        """Which published version is newer than the shown one and refused, and why; '' if there is none."""
        if not self._refused:
            return ''
        version, problems = self._refused[0]
        shown = f'version {self.shown.version}' if self.shown else str(self.file.path)
        return f'the texts of version {version} are refused, {shown} is shown: {"; ".join(problems)}'

    @property
    def file_has_changed(self) -> bool:
        """Whether the file has other words than when the shown version was published."""
        return self.shown is not None and self.shown.file_digest != self.file_digest

    def _choose(self, newest_first: tuple[SiteVersion, ...]) -> None:
        if not newest_first:
            return
        self._newest = newest_first[0].version
        refused: list[tuple[int, list[str]]] = []
        for version in newest_first:
            try:
                site = self.site_of(version.toml, f'version {version.version}')
            except SiteProblem as error:
                refused.append((version.version, error.problems))
                log.warning('the texts of version %d are not shown: %s', version.version, error)
                continue
            self._refused, self.shown = refused, version
            self._present.replace(site)
            return
        self._refused = refused + self._refused

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(READ_EVERY)
            try:
                await self.refresh()
            except LedgerUnavailable:  # the store has logged it
                continue
            except Exception:  # whatever it is: the next look tries again
                log.exception('reading the texts failed unexpectedly')
