"""What is typed into the form of a section: read from the texts or from a form, as one text for each name.

The name of a field is its place: ``landing.headline``, ``landing.questions.0.answer``.
"""

import re
from collections.abc import Mapping
from typing import Any

from services.site import Place, Site
from services.site.changes import value_at
from services.site.fields import Entries, Field, Kind, Section

Typed = dict[str, str]


def name_of(place: Place) -> str:
    """Return the name in the form of what stands at a place."""
    return '.'.join(map(str, place))


def typed_from(section: Section, site: Site) -> Typed:
    """Return what the form shows before anything is typed."""
    data, typed = site.model_dump(), {}
    for field in section.fields:
        value = value_at(data, field.place)
        if isinstance(field, Field):
            typed[name_of(field.place)] = value or ''
        else:
            typed |= _of_entries(field, [_parts(entry) for entry in value])
    return typed


def typed_in(section: Section, form: Mapping[str, str]) -> Typed:
    """Return what was typed into a form; names that the section does not have are left out."""
    typed: Typed = {}
    for field in section.fields:
        if isinstance(field, Field):
            typed[name_of(field.place)] = _lines(form.get(name_of(field.place), ''))
        else:
            typed |= _of_entries(field, _entries_in(field, form))
    return typed


def entries_of(field: Entries, typed: Typed) -> list[dict[str, str]]:
    """Return the entries of a list, the parts of each by their names; '' names that of a plain one."""
    return _entries_in(field, typed)


def without_empty_entries(section: Section, typed: Typed) -> Typed:
    """Leave out entries into which nothing was typed."""
    for field in section.fields:
        if isinstance(field, Entries):
            kept = [entry for entry in entries_of(field, typed) if any(map(str.strip, entry.values()))]
            typed = with_entries(field, typed, kept)
    return typed


def with_entries(field: Entries, typed: Typed, entries: list[dict[str, str]]) -> Typed:
    """Replace the entries of a list."""
    begin = name_of(field.place) + '.'
    return {name: text for name, text in typed.items() if not name.startswith(begin)} | _of_entries(
        field, entries
    )


def changed_list(section: Section, typed: Typed, wish: str) -> Typed | None:
    """Add, remove or move an entry, as one of the buttons in the form wants it.

    Args:
        section: whose form it is.
        typed: what was typed.
        wish: the value of the button: what to do, the list, and the number of the entry.

    Returns:
        What the form shows then; None if no button says that.
    """
    found = re.fullmatch(r'(add|remove|up):([a-z_.]+):(\d{1,3})', wish)
    lists = {name_of(field.place): field for field in section.fields if isinstance(field, Entries)}
    if found is None or found[2] not in lists:
        return None
    field, number = lists[found[2]], int(found[3])
    entries = entries_of(field, typed)
    if found[1] == 'add':
        entries.append(dict.fromkeys(_names(field), ''))
    elif number >= len(entries):
        return None
    elif found[1] == 'remove':
        del entries[number]
    elif number > 0:
        entries[number - 1 : number + 1] = entries[number], entries[number - 1]
    return with_entries(field, typed, entries)


def values_of(section: Section, typed: Typed) -> dict[tuple[str, ...], Any]:
    """Return what was typed as values of a site.toml; None where an optional field is empty."""
    values: dict[tuple[str, ...], Any] = {}
    for field in section.fields:
        if isinstance(field, Field):
            text = typed[name_of(field.place)]
            text = text.strip() if field.kind is Kind.COLOUR else text
            values[field.place] = None if field.is_optional and not text.strip() else text
        else:
            entries = entries_of(field, typed)
            values[field.place] = entries if field.parts else [entry[''] for entry in entries]
    return values


def _names(field: Entries) -> list[str]:
    return [part.place[0] for part in field.parts] or ['']


def _entries_in(field: Entries, form: Mapping[str, str]) -> list[dict[str, str]]:
    begin = re.escape(name_of(field.place))
    numbers = {int(found[1]) for name in form if (found := re.match(rf'{begin}\.(\d{{1,3}})(?:\.|$)', name))}
    return [
        {part: _lines(form.get(_entry_name(field, number, part), '')) for part in _names(field)}
        for number in sorted(numbers)
    ]


def _of_entries(field: Entries, entries: list[dict[str, str]]) -> Typed:
    return {
        _entry_name(field, number, part): text
        for number, entry in enumerate(entries)
        for part, text in entry.items()
    }


def _entry_name(field: Entries, number: int, part: str) -> str:
    return name_of((*field.place, number, part) if part else (*field.place, number))


def _parts(entry: Any) -> dict[str, str]:
    return entry if isinstance(entry, dict) else {'': entry}


def _lines(text: str) -> str:
    """Write the ends of lines as the texts have them; browsers send two characters."""
    return text.replace('\r\n', '\n').replace('\r', '\n')
