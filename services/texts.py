"""The texts that are shown: the newest version that was published in the admin, else those of the file."""

import asyncio
import logging
from datetime import datetime

from services.background import Background
from services.errors import LedgerUnavailable
from services.ledger import Ledger, SiteVersion, read_published_versions
from services.settings import Settings
from services.site import (
    EXAMPLE,
    PlaceProblem,
    PresentSite,
    Site,
    SiteFile,
    SiteProblem,
    digest_of_words,
    example_places,
    load_file,
    read,
    refuse_examples,
    with_rules_of,
)

log = logging.getLogger(__name__)

READ_EVERY = 3.0  # seconds until this process shows what another one has published
TRIED = 20  # versions, when a process starts
FILE = 0  # the number of the file among the versions
Refused = tuple[int, list[str]]
"""The number of a version, and why it is refused."""


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
        self._refused: list[Refused] = []
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
        if self.shown is None and self._live:
            refuse_examples(self.file.site, source=str(self.file.path))

    def start(self) -> None:
        """Look for new versions every few seconds until stopped."""
        self._background.start()

    async def stop(self) -> None:
        """Stop, wherever it is."""
        await self._background.stop()

    async def refresh(self) -> None:
        """Show what was published meanwhile, here or by another process."""
        newer = await self._ledger.site_versions.published(after=self._newest, limit=TRIED)
        # Another refresh may have ended meanwhile, and have found later ones.
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
        return _site_of(toml, source, self.file, live=self._live)

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
        chosen, refused = _first_that_can_be_read(newest_first, self.file, live=self._live)
        for number, problems in refused:
            log.warning('the texts of version %d are not shown: %s', number, '; '.join(problems))
        if chosen is None:
            self._refused = refused + self._refused
            return
        self._refused = refused
        self.shown, site = chosen
        self._present.replace(site)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(READ_EVERY)
            try:
                await self.refresh()
            except LedgerUnavailable:  # the store has logged it
                continue
            except Exception:  # whatever it is: it is tried again in a few seconds
                log.exception('reading the texts failed unexpectedly')


def read_texts(settings: Settings) -> Site:
    """Return the texts that a shop with these settings shows, whether or not it is running.

    Raises:
        SiteProblem: it does not start with its texts.
    """
    file, live = load_file(settings.site_file), settings.mode == 'live'
    versions = read_published_versions(settings.database_url, limit=TRIED)
    chosen, _ = _first_that_can_be_read(versions, file, live=live)
    if chosen is None and live:
        refuse_examples(file.site, source=str(file.path))
    return chosen[1] if chosen else file.site


def _first_that_can_be_read(
    versions: tuple[SiteVersion, ...], file: SiteFile, *, live: bool
) -> tuple[tuple[SiteVersion, Site] | None, list[Refused]]:
    """Return the first version that this code accepts, with its texts, and those before it, refused."""
    refused: list[Refused] = []
    for version in versions:
        try:
            return (version, _site_of(version.toml, f'version {version.version}', file, live=live)), refused
        except SiteProblem as error:
            refused.append((version.version, error.problems))
    return None, refused


def _site_of(toml: str, source: str, file: SiteFile, *, live: bool) -> Site:
    site = with_rules_of(read(toml, source=source), file.site)
    if live:
        refuse_examples(site, source=source)
    return site
