"""Editing the texts of the site: a draft, its publication, and the versions to go back to."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.ledger import Ledger, SiteVersion, VersionState
from services.site import PlaceProblem, Site, SiteProblem, validate, with_rules_of
from services.site.changes import Change, changes, value_at
from services.site.edit import edited
from services.site.fields import LEGAL, UPDATED, Section
from services.texts import FILE, Texts

VERSIONS = 20  # that are listed
NAMED = 6  # changes that a line of the journal names


@dataclass(frozen=True)
class EditedTexts:
    """What is edited now, and on what it rests.

    Attributes:
        seen: the number of the newest row; whoever writes must have seen it.
        site: the texts of the draft; those that are shown where there is none.
        toml: the same as a site.toml.
        draft: the row of the draft, None where there is none.
        last: the newest row, which says who has written last; None where there is none.
        changes: what the draft changes.
        problem: why a stored draft is left out, '' if none is.
    """

    seen: int
    site: Site
    toml: str = field(repr=False)
    draft: SiteVersion | None
    last: SiteVersion | None
    changes: tuple[Change, ...] = ()
    problem: str = ''


@dataclass(frozen=True)
class Outcome:
    """What became of an action. It is done if nothing stood in its way.

    ``is_conflict`` says that somebody else has written since the page was built; ``refusal`` says what else
    does not let it be done.
    """

    problems: tuple[PlaceProblem, ...] = ()
    is_conflict: bool = False
    refusal: str = ''

    @property
    def is_done(self) -> bool:
        """Whether it was carried out."""
        return not self.problems and not self.is_conflict and not self.refusal


DONE, CONFLICT = Outcome(), Outcome(is_conflict=True)
NO_VERSION = Outcome(refusal='there is no such version')
DRAFT_FIRST = Outcome(refusal='publish or discard the draft first')
NO_DRAFT = Outcome(refusal='there is no draft')


@dataclass(frozen=True)
class ListedVersion:
    """A published version in the list: what it changed, whether it is shown, and why it is refused."""

    version: int
    actor: str
    at: datetime | None
    changes: tuple[Change, ...]
    is_shown: bool
    problem: str = ''


class TextEditor:
    """Everything that the admin does with the texts. There is one draft, which all operators share."""

    def __init__(self, ledger: Ledger, texts: Texts, *, clock: Callable[[], datetime]) -> None:
        """Make it.

        Args:
            ledger: keeps the versions.
            texts: what is shown.
            clock: the present time in UTC.
        """
        self._versions = ledger.site_versions
        self._texts = texts
        self._clock = clock

    async def read(self) -> EditedTexts:
        """Read what is edited now."""
        newest = await self._versions.newest()
        # After it: what is published in between is a conflict for whoever writes, and is not overwritten.
        await self._texts.refresh()
        shown, toml = self._shown()
        seen = newest.version if newest else FILE
        if newest is None or newest.state is not VersionState.DRAFT:
            return EditedTexts(seen, shown, toml, None, newest)
        site, problems = self._site_of(newest.toml)
        if site is None:
            return EditedTexts(seen, shown, toml, None, newest, problem='; '.join(map(str, problems)))
        return EditedTexts(seen, site, newest.toml, newest, newest, changes(shown, site))

    async def save(
        self, section: Section, values: Mapping[tuple[str, ...], Any], *, seen: int, actor: str
    ) -> Outcome:
        """Write what was typed into the draft.

        Args:
            section: which texts.
            values: what was typed, by the place of each field of the section.
            seen: the number of the newest row when the page was built.
            actor: who typed it.
        """
        now = await self.read()
        site, problems = validate(_with_values(tomllib.loads(now.toml), values))
        if site is not None:
            own = tuple(each.place for each in section.fields)
            examples = self._texts.example_problems(site)
            problems = tuple(each for each in examples if any(each.place[: len(at)] == at for at in own))
        if site is None or problems or now.seen != seen:
            return Outcome(problems, is_conflict=now.seen != seen)
        data = site.model_dump(mode='python')
        wanted = {each.place: _plain(value_at(data, each.place)) for each in section.fields}
        toml = edited(now.toml, wanted)
        if toml == now.toml:
            return DONE
        return await self._add(seen, VersionState.DRAFT, toml, actor=actor)

    async def publish(self, *, seen: int, actor: str) -> Outcome:
        """Show the draft to customers; the arguments are those of ``save``."""
        now = await self.read()
        if now.seen != seen:
            return CONFLICT
        if now.draft is None:
            return NO_DRAFT
        if problems := self._texts.example_problems(now.site):
            return Outcome(problems)
        return await self._publish(now.toml, now.site, seen=seen, actor=actor, what='published')

    async def discard(self, *, seen: int, actor: str) -> Outcome:
        """Throw the draft away; the arguments are those of ``save``."""
        newest = await self._versions.newest()
        if seen != (newest.version if newest else FILE):
            return CONFLICT
        if newest is None or newest.state is not VersionState.DRAFT:
            return NO_DRAFT
        line = 'draft of the texts discarded'
        return await self._add(seen, VersionState.DISCARDED, '', actor=actor, line=line)

    async def restore(self, version: int, *, seen: int, actor: str) -> Outcome:
        """Publish an earlier version again, as a new one; a draft must be published or discarded first.

        Args:
            version: its number, 0 for the file.
            seen: the number of the newest row when the page was built.
            actor: who wants it.
        """
        now = await self.read()
        if now.seen != seen:
            return CONFLICT
        if now.draft is not None:
            return DRAFT_FIRST
        toml = await self._toml_of(version)
        if toml is None:
            return NO_VERSION
        site, problems = self._site_of(toml)
        problems = problems if site is None else self._texts.example_problems(site)
        if site is None or problems:
            return Outcome(problems)
        what = f'of version {version} published again' if version else 'of the file published again'
        return await self._publish(toml, site, seen=seen, actor=actor, what=what)

    async def versions(self) -> tuple[ListedVersion, ...]:
        """Return the published versions, newest first, and the file as the last one."""
        rows = await self._versions.published(limit=VERSIONS + 1)
        before: Site = self._texts.file.site
        listed: list[ListedVersion] = [ListedVersion(FILE, '', None, (), is_shown=self._texts.shown is None)]
        for row in reversed(rows):
            is_shown = self._texts.shown is not None and row.version == self._texts.shown.version
            try:
                site = self._texts.site_of(row.toml, f'version {row.version}')
            except SiteProblem as error:
                listed.append(ListedVersion(row.version, row.actor, row.at, (), False, str(error)))
                continue
            done = changes(before, site)
            listed.append(ListedVersion(row.version, row.actor, row.at, done, is_shown))
            before = site
        return tuple(reversed(listed[:1] + listed[1:][-VERSIONS:]))

    async def site_of(self, version: int) -> Site | None:
        """Return the texts of a version, None if there is none with this number, or it is refused."""
        toml = await self._toml_of(version)
        return self._site_of(toml)[0] if toml is not None else None

    def _site_of(self, toml: str) -> tuple[Site | None, tuple[PlaceProblem, ...]]:
        site, problems = validate(tomllib.loads(toml))
        return site and with_rules_of(site, self._texts.file.site), problems

    async def _toml_of(self, version: int) -> str | None:
        if version == FILE:
            return self._texts.file.text
        row = await self._versions.find(version)
        return row.toml if row else None

    def _shown(self) -> tuple[Site, str]:
        shown, file = self._texts.shown, self._texts.file
        if shown is None:
            return file.site, file.text
        return self._texts.site_of(shown.toml, f'version {shown.version}'), shown.toml

    async def _publish(self, toml: str, site: Site, *, seen: int, actor: str, what: str) -> Outcome:
        shown, _ = self._shown()
        if any(getattr(site, name) != getattr(shown, name) for name in LEGAL):
            today = self._clock().astimezone(site.business.zone).date()
            toml = edited(toml, {(UPDATED,): today})
        labels = list(dict.fromkeys(change.label.partition(':')[0] for change in changes(shown, site)))
        more = f' and {len(labels) - NAMED} more' if len(labels) > NAMED else ''
        line = f'texts {what}: {", ".join(labels[:NAMED]) or "nothing differs"}{more}'
        outcome = await self._add(seen, VersionState.PUBLISHED, toml, actor=actor, line=line)
        await self._texts.refresh()
        return outcome

    async def _add(self, seen: int, state: VersionState, toml: str, *, actor: str, line: str = '') -> Outcome:
        digest = self._texts.file_digest
        done = await self._versions.add(seen, state, toml, file_digest=digest, actor=actor, line=line)
        return DONE if done else CONFLICT


def _with_values(data: dict[str, Any], values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Put values into the data of a site.toml; nothing typed into an optional field leaves it out."""
    for (*tables, name), value in values.items():
        table = data
        for each in tables:
            table = table.setdefault(each, {})
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    return data


def _plain(value: Any) -> Any:
    """Return a value as TOML has it."""
    return list(value) if isinstance(value, tuple) else value
