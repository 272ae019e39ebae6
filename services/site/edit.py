"""Writing values into the text of a site.toml; its comments, its order and its layout stay.

tomlkit keeps the layout. What it has written is read again and compared with what was wanted.
"""

import logging
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Comment, Table, Whitespace

log = logging.getLogger(__name__)

Place = tuple[str, ...]
Changes = Mapping[Place, Any]
"""The new value at each place: a text, a day, a list of texts, a list of tables; None for nothing."""
Trivia = list[Any]


def edited(text: str, changes: Changes) -> str:
    """Return the text with these values in it; where all of them are in it already, the same text.

    Comments stay. One at the end of the line of a removed value is removed with it. A text with a layout that
    cannot be kept is written anew, without its comments.

    Args:
        text: valid TOML.
        changes: the values, by their places.
    """
    data = tomllib.loads(text)
    changes = {place: value for place, value in changes.items() if _some(_at(data, place)) != _some(value)}
    if not changes:
        return text
    wanted = _filled(_wanted(data, changes))
    try:
        document = tomlkit.parse(text)
        for place, value in changes.items():
            _write(document, place, value)
        written = tomlkit.dumps(document)
        if _filled(tomllib.loads(written)) == wanted:
            return written
    except (TOMLKitError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        log.info('the layout of the site.toml cannot be kept', exc_info=True)
    return tomlkit.dumps(wanted)


def _some(value: Any) -> Any:
    """Return a value; None for an empty text or list: one that is left out means the same."""
    return None if value in ('', []) else value


def _filled(value: Any) -> Any:
    """Return data without empty lists."""
    if isinstance(value, list):
        return [_filled(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _filled(inner) for name, inner in value.items() if inner != []}
    return value


def _at(data: Any, place: Place) -> Any:
    for name in place:
        if not isinstance(data, Mapping) or name not in data:
            return None
        data = data[name]
    return data


def _wanted(data: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """Return the values that the new text must have."""
    for (*tables, name), value in changes.items():
        table = data
        for each in tables:
            table = table[each]
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    return data


def _write(document: Any, place: Place, value: Any) -> None:
    *tables, name = place
    table = document
    for each in tables:
        table = table[each]
    if value is None:
        table.remove(name)
    elif name not in table:
        _add(table, name, value)
    elif isinstance(value, list):
        _write_list(table, name, value)
    else:
        table[name] = value


def _add(table: Any, name: str, value: Any) -> None:
    """Add a value at the end of what a table says itself, above the empty line that follows it."""
    if _is_tables(value):
        table.append(name, _tables(value))
        return
    body = table.value.body
    at = next((number for number, (_, item) in enumerate(body) if isinstance(item, Table | AoT)), len(body))
    below = []
    while at == len(body) and body and isinstance(body[-1][1], Whitespace):
        below.append(body.pop())
    table.append(name, value)
    body.extend(reversed(below))


def _write_list(table: Any, name: str, value: list[Any]) -> None:
    old = table[name]
    if isinstance(old, AoT) and _is_tables(value):
        if value:
            _write_tables(old, value)
        else:
            _remove_tables(table, name, old)
    elif isinstance(old, Array):
        _write_array(old, value)
    else:
        table[name] = value


def _write_array(array: Array, value: list[Any]) -> None:
    """Change an array where it differs, so that comments beside the others stay."""
    start, end, new_end = _difference(list(array.unwrap()), value)
    common = min(end, new_end)
    for number in range(start, common):
        array[number] = value[number]
    for _ in range(common, end):
        del array[common]
    for number in range(common, new_end):
        array.insert(number, value[number])


def _write_tables(aot: AoT, value: Sequence[Mapping[str, Any]]) -> None:
    """Change an array of tables where it differs."""
    start, end, new_end = _difference(aot.unwrap(), value)
    common = min(end, new_end)
    for number in range(start, common):
        for name, text in value[number].items():
            if aot[number].get(name) != text:
                aot[number][name] = text
    for _ in range(common, end):
        below = _take_trivia(aot[common])
        del aot[common]
        if common > 0:
            above = _take_trivia(aot[common - 1])
            _put_trivia(aot[common - 1], above + (below[1:] if above and _begins_blank(below) else below))
        elif comments := _comments(below):
            _put_trivia(aot[0], comments)
    for number in range(common, new_end):
        before = aot[number - 1]
        below = _take_trivia(before) if number == len(aot) else []
        _put_trivia(before, [(None, Whitespace('\n'))] if below or number == len(aot) else [])
        new = _table(value[number])
        _put_trivia(new, below or [(None, Whitespace('\n'))])
        aot.insert(number, new)


def _remove_tables(table: Any, name: str, aot: AoT) -> None:
    """Remove the last tables; comments below them stay in the table around."""
    below: Trivia = []
    for each in aot:
        below += _comments(_take_trivia(each))
    table.remove(name)
    if below:
        _put_trivia(table, [(None, Whitespace('\n')), *below, (None, Whitespace('\n'))])


def _difference(old: Sequence[Any], new: Sequence[Any]) -> tuple[int, int, int]:
    """Return where two lists begin to differ, and where in each of them they are the same again."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end, new_end = len(old), len(new)
    while end > start and new_end > start and old[end - 1] == new[new_end - 1]:
        end, new_end = end - 1, new_end - 1
    return start, end, new_end


def _take_trivia(table: Table) -> Trivia:
    """Take the empty lines and comments from the end of a table: they belong to what follows it."""
    body, taken = table.value.body, []
    while body and isinstance(body[-1][1], Whitespace | Comment):
        taken.append(body.pop())
    return taken[::-1]


def _put_trivia(table: Any, trivia: Trivia) -> None:
    table.value.body.extend(trivia)


def _comments(trivia: Trivia) -> Trivia:
    return [(key, item) for key, item in trivia if isinstance(item, Comment)]


def _table(values: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for name, value in values.items():
        table.append(name, value)
    return table


def _tables(values: Sequence[Mapping[str, Any]]) -> AoT:
    aot = tomlkit.aot()
    for each in values:
        aot.append(_table(each))
    return aot


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value)


def _begins_blank(trivia: Trivia) -> bool:
    return bool(trivia) and isinstance(trivia[0][1], Whitespace)
