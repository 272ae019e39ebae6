"""What differs between two versions of the texts, in words for people."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from services.site.fields import SECTIONS, Entries, Field
from services.site.model import Site


@dataclass(frozen=True)
class Change:
    """One text that differs: what it is, as it was and as it is; '' where there was or is none.

    ``section`` is the slug of the section in which it is edited.
    """

    label: str
    before: str
    after: str
    section: str = ''


def changes(old: Site, new: Site) -> tuple[Change, ...]:
    """Return what differs, in the order of the admin's sections."""
    before, after = old.model_dump(), new.model_dump()
    return tuple(
        replace(change, section=section.slug)
        for section in SECTIONS
        for field in section.fields
        for change in _changes(field, before, after)
    )


def value_at(data: Any, place: tuple[str | int, ...]) -> Any:
    """Return what stands at a place of ``Site.model_dump``."""
    for part in place:
        data = data[part]
    return data


def _changes(field: Field | Entries, before: Any, after: Any) -> Iterator[Change]:
    old, new = value_at(before, field.place), value_at(after, field.place)
    if old == new:
        return
    if isinstance(field, Field):
        yield Change(field.label, old or '', new or '')
        return
    olds, news = [_words(entry) for entry in old], [_words(entry) for entry in new]
    for _, start, end, new_start, new_end in difflib.SequenceMatcher(a=olds, b=news).get_opcodes():
        for number in range(max(end - start, new_end - new_start)):
            was = olds[start + number] if start + number < end else ''
            is_now = news[new_start + number] if new_start + number < new_end else ''
            if was != is_now:
                at = new_start + number if is_now else start + number
                yield Change(f'{field.label}: {field.noun.lower()} {at + 1}', was, is_now)


def _words(entry: Any) -> str:
    return '\n'.join(entry.values()) if isinstance(entry, dict) else str(entry)
