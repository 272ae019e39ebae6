"""The texts of the site: what is accepted, and how a mistake in site.toml is reported."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.site import PAPER, SiteProblem, contrast, examples_in, load, read, validate
from services.site.characters import problem_of_characters
from tests.processes import ROOT

SEED = (ROOT / 'site.toml').read_text(encoding='utf-8')


def problems_of(text: str) -> list[str]:
    """Return the problems of a site.toml."""
    with pytest.raises(SiteProblem) as raised:
        read(text, source='site.toml')
    return raised.value.problems


def test_the_seed_is_accepted() -> None:
    """The site.toml that comes with the product holds everything and can be read on paper."""
    site = load(ROOT / 'site.toml')
    assert site.offer.button == 'Schedule My C&P Coaching Session'
    assert contrast(site.theme.accent, PAPER) >= 4.5
    assert site.contact.dial == '2025550143'


def test_the_seed_has_the_disclaimer() -> None:
    """The seed texts carry the disclaimer: independent, no legal or medical advice, no claims, no promise."""
    disclaimer = ' '.join(load(ROOT / 'site.toml').landing.disclaimer)
    for words in (
        'independent',
        'not legal advice',
        'not medical advice',
        'file claims',
        'Nobody can promise',
    ):
        assert words in disclaimer


def test_the_seed_promises_no_receipt_by_mail() -> None:
    """Whether Stripe mails one is a switch in its Dashboard; the page of an order links to it always."""
    sentences = re.findall(r'[^.?!"]*receipt[^.?!"]*', SEED, re.IGNORECASE)
    assert len(sentences) >= 3
    assert [each for each in sentences if re.search(r'mail|sent|send|inbox', each, re.IGNORECASE)] == []


def test_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    """A file saved by a Windows editor is the same site."""
    path = tmp_path / 'site.toml'
    path.write_bytes(b'\xef\xbb\xbf' + SEED.replace('\n', '\r\n').encode())
    assert load(path) == load(ROOT / 'site.toml')


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is one problem with its path."""
    with pytest.raises(SiteProblem, match=re.escape(f'{tmp_path}/site.toml: cannot be read')):
        load(tmp_path / 'site.toml')


def test_other_encodings_are_reported_with_their_line(tmp_path: Path) -> None:
    """A file that is not UTF-8 is a problem that names the line."""
    path = tmp_path / 'site.toml'
    path.write_bytes(b'[business]\nname = "Caf\xe9"\n')
    with pytest.raises(SiteProblem, match='line 2: this is not UTF-8'):
        load(path)


@pytest.mark.parametrize(
    ('text', 'place'),
    [
        ('a = 1\nb == 2', 'site.toml, line 2, column 4: '),
        ('a = "open', 'site.toml, line 1, '),
        ('[a]\n[a]', 'site.toml, line 2, column '),
        ('a = 1\nnonsense', 'site.toml, line 2, '),
    ],
)
def test_a_syntax_error_is_reported_with_its_place(text: str, place: str) -> None:
    """A mistake in the TOML names line and column."""
    (problem,) = problems_of(text)
    assert problem.startswith(place)


def test_all_problems_are_reported_at_once() -> None:
    """Several mistakes are listed together, each with its place."""
    text = SEED.replace('minutes = 60', 'minutes = "sixty"').replace(
        'phone = "(202) 555-0143"', 'phone = "call"'
    )
    assert problems_of(text.replace('headline =', 'hedline =')) == [
        "site.toml: contact.phone does not look right: 'call'",
        'site.toml: offer.minutes: input should be a valid integer, unable to parse string as an integer',
        'site.toml: landing.headline is missing',
        'site.toml: landing.hedline is not known here (did you mean headline?)',
    ]


@pytest.mark.parametrize(
    ('old', 'new', 'problem'),
    [
        (
            'accent = "#0b5d3b"',
            'accent = "#9fd6b8"',
            'theme.accent is hard to read on #fbfaf7: its contrast is 1.6',
        ),
        ('accent = "#0b5d3b"', 'accent = "green"', "theme.accent does not look right: 'green'"),
        ('email = "hello@coach.example"', 'email = "hello"', "contact.email does not look right: 'hello'"),
        (
            'timezone = "America/New_York"',
            'timezone = "Eastern"',
            "business.timezone is no time zone: 'Eastern'; write its IANA name",
        ),
        ('slug = "cp-coaching"', 'slug = "C&P"', "offer.slug does not look right: 'C&P'"),
        ('title = "Pay once"', 'title = 1', 'landing.steps.1.title must be text in quotes'),
        (
            'title = "Pay once"',
            'title = " "',
            'landing.steps.1.title must not be empty',
        ),
        (
            'button = "Schedule',
            f'button = "{"x" * 60}',
            'offer.button must have at most 60 characters',
        ),
    ],
)
def test_a_wrong_value_is_reported(old: str, new: str, problem: str) -> None:
    """A value that would look broken on the page is a problem."""
    (found,) = problems_of(SEED.replace(old, new, 1))
    assert found.startswith(f'site.toml: {problem}')


def test_the_site_cannot_be_changed() -> None:
    """The texts are frozen once read."""
    site = load(ROOT / 'site.toml')
    with pytest.raises(ValidationError):
        site.offer.name = 'other'


@given(st.text())
def test_any_text_is_a_site_or_a_problem(text: str) -> None:
    """Any text in the file gives problems, never another exception."""
    assert problems_of(text)


@given(st.integers(0, 0xFFFFFF), st.integers(0, 0xFFFFFF))
def test_contrast_is_symmetric_and_bounded(one: int, other: int) -> None:
    """Contrast does not depend on the order and lies between 1 and 21."""
    pair = f'#{one:06x}', f'#{other:06x}'
    assert contrast(*pair) == contrast(*reversed(pair))
    assert 1 <= contrast(*pair) <= 21.000001


def test_contrast_of_known_colours() -> None:
    """Black on white is 21; the grey that WCAG names as the limit is 4.5."""
    assert contrast('#000000', '#ffffff') == pytest.approx(21)
    assert contrast('#767676', '#ffffff') == pytest.approx(4.54, abs=0.01)


def test_every_example_in_the_seed_is_named() -> None:
    """What is marked EXAMPLE in site.toml is found, with its place; nothing else is."""
    marked = re.findall(r'^(\w+) = "([^"]+)" +# EXAMPLE$', SEED, re.MULTILINE)
    expected = {f'[contact] {name} is {text!r}' for name, text in marked}
    assert len(expected) == 3
    assert set(examples_in(load(ROOT / 'site.toml'))) == expected


@pytest.mark.parametrize('text', ['write to me@example.com', 'call 202-555-0199', 'see coach.example'])
def test_an_example_in_any_text_is_named(text: str) -> None:
    """Also in the middle of a legal text; ordinary hours and numbers are none."""
    mine = {'hello@coach.example': 'sam@paidslot.io', '(202) 555-0143': '(202) 456-1111', '9 am': '8 am'}
    own = SEED
    for example, right in mine.items():
        own = own.replace(example, right)
    assert examples_in(read(own, source='site.toml')) == []
    changed = own.replace('Tell us. You may move', f'Tell us, {text}. You may move')
    (place,) = examples_in(read(changed, source='site.toml'))
    assert place.startswith('[refunds] sections 3 text is ')


@pytest.mark.parametrize('hidden', ['\\u202E', '\\u2066', '\\u200F', '\\u0007', '\\u0085', '\\u007F'])
def test_characters_that_cannot_be_seen_are_refused(hidden: str) -> None:
    """Some turn round what stands beside them, such as the reference of an order."""
    code = f'U+{hidden[2:]}'
    text = SEED.replace('button = "Schedule', f'button = "Sche{hidden}dule')
    assert problems_of(text) == [
        f"site.toml: offer.button has a character that cannot be seen ({code}) after 'Sche': delete it"
    ]


def test_each_text_is_looked_at() -> None:
    """Each value in site.toml that is a text, and each entry of a list."""
    data = tomllib.loads(SEED)
    places = list(places_of_texts(data))
    assert len(places) > 60
    for holder, name in places:
        before, holder[name] = holder[name], f'{holder[name]}\u202eno'
        site, problems = validate(data)
        assert (site, len(problems)) == (None, 1), name
        holder[name] = before
    data['offer']['refund_rule'] = 'no\x00'
    assert validate(data)[0] is None


def test_lines_and_every_language_are_text() -> None:
    """Line ends, tabs and letters that are read from right to left need no such character."""
    assert (
        problem_of_characters(
            'One\r\n\ttwo \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \U0001f44b\u200d'
        )
        == ''
    )


def places_of_texts(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each table or list that holds a text, with the name or number of the text."""
    for name, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, str):
            yield data, name
        elif isinstance(value, dict | list):
            yield from places_of_texts(value)
