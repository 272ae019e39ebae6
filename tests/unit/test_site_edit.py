"""Editing the text of a site.toml: values arrive, everything else in the file stays as it is."""

import os
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from services.site import Site, read
from services.site.changes import Change, changes, value_at
from services.site.edit import edited
from services.site.fields import RULES, UPDATED, Entries, Field, all_fields, section_of
from tests.processes import ROOT

SEED = (ROOT / 'site.toml').read_text(encoding='utf-8')
LISTS = [field for field in all_fields() if isinstance(field, Entries)]
WORDS = st.text(min_size=1, max_size=40)
COMMENTED = """
# At the top.
updated = 2026-11-23  # a day
[landing]
title = 'literal'      # about the title
lead = \"\"\"
two
lines\"\"\"
# above the list
topics = [
    "one",  # beside one
    # between
    "two",
    'three',
]

# above the first question
[[landing.questions]]
question = "a"  # beside a
answer = "1"

# above the second question
[[landing.questions]]
question = "b"
answer = "2"

# --- the order ---
[order]
bring = ["x", "y"]
# at the end
"""
ODD_LAYOUTS = [
    'landing = {title = "t", questions = [{question = "a", answer = "1"}]}\nupdated = 2026-11-23\n',
    'landing.title = "t"\nlanding.questions = [\n  {question = "a", answer = "1"},  # one\n]\n',
    '[[landing.questions]]\nquestion="a"\nanswer="1"\n[other]\nx=1\n[[landing.questions]]\nquestion="b"\n'
    'answer="2"\n[landing]\ntitle="t"\n',
    '[other]\r\nx = 1\r\n[landing]\r\ntitle = "t" # c\r\n',
]


def comments(text: str) -> list[str]:
    """Return the comments that have a line of their own, in their order."""
    return re.findall(r'^ *(#.*?)\r?$', text, re.MULTILINE)


def at(data: Any, place: tuple[str, ...]) -> Any:
    """Return what stands at a place; None where nothing does."""
    try:
        return value_at(data, place)
    except KeyError:
        return None


def entry_of(field: Entries) -> st.SearchStrategy[Any]:
    """Return a strategy for an entry of a list."""
    if not field.parts:
        return WORDS
    return st.fixed_dictionaries({part.place[0]: WORDS for part in field.parts})


@st.composite
def an_edit(draw: st.DrawFn) -> tuple[tuple[str, ...], Any]:
    """Draw a field and what it shall hold: a text, or a list that was added to, shortened or turned round."""
    field = draw(st.sampled_from(list(all_fields())))
    if isinstance(field, Field):
        return field.place, draw(WORDS)
    old = value_at(tomllib.loads(SEED), field.place)
    kept = draw(st.lists(st.sampled_from(old), max_size=len(old)))
    added = draw(st.lists(entry_of(field), max_size=2))
    return field.place, draw(st.permutations(kept + added))


@settings(max_examples=int(os.environ.get('EDIT_EXAMPLES', '25')))  # each reads the whole file five times
@given(st.lists(an_edit(), min_size=1, max_size=3))
def test_values_round_trip_and_the_rest_of_the_file_stays(
    edits: list[tuple[tuple[str, ...], Any]],
) -> None:
    """What was typed is read again; other values and all comments are the same, in the same order."""
    wanted = dict(edits)
    text = edited(SEED, wanted)
    before, after = tomllib.loads(SEED), tomllib.loads(text)
    assert comments(text) == comments(SEED)
    for field in all_fields():
        expected = wanted[field.place] if field.place in wanted else at(before, field.place)
        assert (at(after, field.place) or None) == (expected or None), field.place
    for place in RULES:
        assert at(after, place) == at(before, place)
    assert list(after) == list(before)
    assert edited(text, wanted) == text


def test_nothing_changed_is_the_same_text() -> None:
    """Writing what is in the file already does not touch it."""
    data = tomllib.loads(SEED)
    assert edited(SEED, {field.place: at(data, field.place) for field in all_fields()}) == SEED


def test_one_text_is_one_changed_line() -> None:
    """Only its line changes, and the comment beside it stays."""
    lines = edited(SEED, {('contact', 'phone'): '+1 202 456 1111'}).splitlines()
    different = [new for old, new in zip(SEED.splitlines(), lines, strict=True) if old != new]
    assert different == ['phone = "+1 202 456 1111"                 # EXAMPLE']


QUESTIONS = [{'question': 'a', 'answer': '1'}, {'question': 'b', 'answer': '2'}]
NEW = {'question': 'n', 'answer': '3'}


@pytest.mark.parametrize(
    ('place', 'value'),
    [
        (('landing', 'topics'), ['one', 'three']),
        (('landing', 'topics'), ['new', 'one', 'two', 'three', 'last']),
        (('landing', 'topics'), []),
        (('landing', 'lead'), 'one line'),
        (('landing', 'questions'), [NEW, *QUESTIONS]),
        (('landing', 'questions'), [*QUESTIONS, NEW]),
        (('landing', 'questions'), QUESTIONS[::-1]),
        (('landing', 'questions'), QUESTIONS[1:]),
        (('landing', 'questions'), QUESTIONS[:1]),
        (('landing', 'questions'), []),
        (('order', 'bring'), []),
        (('order', 'new'), 'text'),
        (('landing', 'title'), None),
    ],
)
def test_comments_stay_around_what_changes(place: tuple[str, ...], value: object) -> None:
    """Whatever is added, moved or removed, each comment with a line of its own is still there."""
    text = edited(COMMENTED, {place: value})
    assert (at(tomllib.loads(text), place) or None) == (value or None)
    assert sorted(comments(text)) == sorted(comments(COMMENTED))
    assert text.index('# above the list') < text.index('[order]')


@pytest.mark.parametrize('text', ODD_LAYOUTS)
@pytest.mark.parametrize('value', [[], [NEW], [*QUESTIONS, NEW]])
def test_other_layouts_are_written_right(text: str, value: list[dict[str, str]]) -> None:
    """Inline tables, dotted names, tables in any order and lines of Windows: the values are right."""
    data = tomllib.loads(text)
    after = tomllib.loads(edited(text, {('landing', 'questions'): value, ('landing', 'title'): 'T"\\'}))
    assert after['landing'].get('questions', []) == value
    assert after['landing']['title'] == 'T"\\'
    assert after.get('other') == data.get('other')


def leaves(model: type[BaseModel], place: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the places of all values of a model; a list is one."""
    found: set[tuple[str, ...]] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        nested = isinstance(inner, type) and issubclass(inner, BaseModel)
        found |= leaves(inner, (*place, name)) if nested else {(*place, name)}  # type: ignore[arg-type]
    return found


def test_every_value_is_edited_or_is_a_rule() -> None:
    """A new value of site.toml must be put into a section of the admin, or among the rules."""
    edited_places = {field.place for field in all_fields()}
    assert leaves(Site) == edited_places | {*RULES, (UPDATED,)}
    assert not edited_places & set(RULES)
    assert [place for place in edited_places if section_of(place) is None] == []


def test_changes_are_named() -> None:
    """A changed text, an added entry, a removed one and an exchange of two are each said once."""
    old = read(SEED, source='site.toml')
    data = tomllib.loads(SEED)
    topics, questions = data['landing']['topics'], data['landing']['questions']
    text = edited(
        SEED,
        {
            ('landing', 'headline'): 'New',
            ('landing', 'topics'): ['First', *topics],
            ('landing', 'questions'): questions[:-1],
        },
    )
    last = questions[-1]
    assert changes(old, read(text, source='site.toml')) == (
        Change('Headline', data['landing']['headline'], 'New', 'start-page'),
        Change('Topics: topic 1', '', 'First', 'start-page'),
        Change('Questions: question 7', f'{last["question"]}\n{last["answer"]}', '', 'questions'),
    )
    assert changes(old, old) == ()
