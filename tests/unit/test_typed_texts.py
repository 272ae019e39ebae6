"""The forms of the texts: what is shown, sent back and read again is the same."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.site import Site, read
from services.site.changes import value_at
from services.site.fields import SECTIONS, Entries, Field, Section
from tests.processes import ROOT
from ui.admin.texts.typed import changed_list, name_of, typed_from, typed_in, values_of

SITE = read((ROOT / 'site.toml').read_text(encoding='utf-8'), source='site.toml')
TEXTS = st.text(min_size=1, max_size=30).map(lambda text: text.replace('\r', ''))
LISTS = [(section, each) for section in SECTIONS for each in section.fields if isinstance(each, Entries)]


def with_value(site: Site, place: tuple[str, ...], value: Any) -> Site:
    """Return the texts with another value at a place, without validation."""
    name, *rest = place
    if rest:
        value = with_value(getattr(site, name), tuple(rest), value)
    return site.model_copy(update={name: value})


@settings(max_examples=30)
@given(st.sampled_from(SECTIONS), st.data())
def test_what_a_form_shows_is_what_it_sends(section: Section, data: st.DataObject) -> None:
    """Whatever the texts are, also HTML and several lines, whose ends browsers send as two characters."""
    site = SITE
    for each in section.fields:
        if isinstance(each, Field):
            site = with_value(site, each.place, data.draw(TEXTS))
    sent = {name: text.replace('\n', '\r\n') for name, text in typed_from(section, site).items()}
    values = values_of(section, typed_in(section, sent))
    dumped = site.model_dump(warnings=False)
    for each in section.fields:
        expected = value_at(dumped, each.place)
        got = values[each.place]
        if isinstance(each, Entries):
            assert got == list(expected)
        elif each.is_optional and not expected.strip():
            assert got is None
        else:
            assert got in (expected, expected.strip())


@settings(max_examples=30)
@given(st.sampled_from(LISTS), st.lists(st.sampled_from(['add', 'remove', 'up']), max_size=6), st.data())
def test_buttons_change_lists_as_they_say(
    chosen: tuple[Section, Entries], wishes: list[str], data: st.DataObject
) -> None:
    """Any buttons in any order do to the form what they do to a plain list; nothing else changes."""
    section, each = chosen
    typed = typed_from(section, SITE)
    others = {name: text for name, text in typed.items() if not name.startswith(name_of(each.place) + '.')}
    expected: list[Any] = list(value_at(SITE.model_dump(), each.place))
    empty: Any = {part.place[0]: '' for part in each.parts} or ''
    for wish in wishes:
        number = len(expected) if wish == 'add' else data.draw(st.integers(0, max(0, len(expected) - 1)))
        changed = changed_list(section, typed, f'{wish}:{name_of(each.place)}:{number}')
        if wish != 'add' and not expected:
            assert changed is None
            continue
        assert changed is not None
        typed = changed
        if wish == 'add':
            expected.append(empty)
        elif wish == 'remove':
            del expected[number]
        elif number:
            expected[number - 1], expected[number] = expected[number], expected[number - 1]
    assert values_of(section, typed)[each.place] == expected
    assert {name: text for name, text in typed.items() if name in others} == others
