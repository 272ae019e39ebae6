"""The texts of the site: every word a customer reads, the accent and the contact, from ``site.toml``."""

import difflib
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

PAPER, NIGHT = '#fbfaf7', '#121815'
"""What the accent is read on, by day and by night."""
READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3: contrast of text and its background


class SiteProblem(ValueError):
    """The texts cannot be used; ``problems`` are sentences that name the file and the place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__('\n'.join(problems))
        self.problems = problems


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` from 0 to 1, as WCAG 2.2 defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


Stripped = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Line = Annotated[Stripped, StringConstraints(max_length=200, pattern=r'^[^\r\n]*$')]
Text = Annotated[Stripped, StringConstraints(max_length=6000)]
Slug = Annotated[str, StringConstraints(pattern=r'^[a-z0-9][a-z0-9-]{0,39}$')]
Email = Annotated[Stripped, StringConstraints(pattern=r'^[^@\s<>"]+@[^@\s<>"]+\.[^@\s<>"]+$')]
Phone = Annotated[Stripped, StringConstraints(pattern=r'^\+?[0-9(][0-9 ().-]{5,24}$')]
Colour = Annotated[str, StringConstraints(pattern=r'^#[0-9a-fA-F]{6}$', to_lower=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra='forbid')


class Business(_Part):
    """Who sells."""

    name: Line
    description: Line


class Contact(_Part):
    """How a customer reaches the operator."""

    email: Email
    phone: Phone
    hours: Line

    @property
    def dial(self) -> str:
        """The telephone number as a ``tel:`` link wants it."""
        return re.sub(r'[^0-9+]', '', self.phone)


class Look(_Part):
    """The one accent colour; the one for the dark scheme is derived unless given."""

    accent: Colour
    accent_dark: Colour | None = None

    @field_validator('accent', 'accent_dark')
    @classmethod
    def _is_readable(cls, colour: str | None, info: ValidationInfo) -> str | None:
        paper = PAPER if info.field_name == 'accent' else NIGHT
        if colour and (found := contrast(colour, paper)) < READABLE:
            raise ValueError(
                f'is hard to read on {paper}: its contrast is {found:.1f}, not {READABLE} or more'
            )
        return colour


class Product(_Part):
    """What is for sale, without its price: that one comes from Stripe."""

    slug: Slug
    name: Line
    minutes: Annotated[int, Field(ge=5, le=480)]
    format: Line
    button: Annotated[Line, StringConstraints(max_length=60)]


class Step(_Part):
    """One step of how it works."""

    title: Line
    text: Text


class Question(_Part):
    """A question people ask, with its answer."""

    question: Line
    answer: Text


class Landing(_Part):
    """The landing page, top to bottom."""

    title: Line
    headline: Line
    lead: Text
    assurances: Annotated[tuple[Line, ...], Field(min_length=1, max_length=5)]
    steps_title: Line
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=6)]
    topics_title: Line
    topics_lead: Text
    topics: Annotated[tuple[Text, ...], Field(min_length=1, max_length=12)]
    disclaimer_title: Line
    disclaimer: Annotated[tuple[Text, ...], Field(min_length=1, max_length=8)]
    questions_title: Line
    questions: Annotated[tuple[Question, ...], Field(max_length=30)] = ()
    closing_title: Line
    closing_text: Text


class AfterPayment(_Part):
    """What the page of an order says beside its state."""

    calendar_title: Line
    calendar_hint: Text
    bring_title: Line
    bring: Annotated[tuple[Text, ...], Field(max_length=12)] = ()


class Section(_Part):
    """A part of a legal text; an empty line in ``text`` begins a new paragraph."""

    heading: Line
    text: Text


class Legal(_Part):
    """One legal page."""

    title: Line
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]


class Privacy(Legal):
    """The privacy page; one of its sections is shown only while the landing page loads Stripe's script."""

    stripe_js: Section


class Site(_Part):
    """All texts of the site; plain text throughout, HTML in them is shown as it is typed."""

    business: Business
    contact: Contact
    look: Look
    offer: Product
    landing: Landing
    order: AfterPayment
    updated: date
    terms: Legal
    privacy: Privacy
    refunds: Legal

    @classmethod
    def read(cls, text: str, *, source: str) -> Self:
        """Turn TOML text into the site.

        Args:
            text: the TOML.
            source: how the problems name it.

        Raises:
            SiteProblem: with every problem found.
        """
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise SiteProblem([_syntax(str(error), text, source)]) from error
        except ValidationError as error:
            raise SiteProblem([f'{source}: {_words(detail)}' for detail in error.errors()]) from error


def load(path: Path) -> Site:
    """Read the texts of the site.

    Raises:
        SiteProblem: with every problem found.
    """
    try:
        text = path.read_bytes().decode('utf-8-sig')
    except OSError as error:
        raise SiteProblem([f'{path}: cannot be read ({error.strerror})']) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b'\n', 0, error.start) + 1
        raise SiteProblem([f'{path}, line {line}: this is not UTF-8 text; save the file as UTF-8']) from error
    return Site.read(text, source=str(path))


def _syntax(message: str, text: str, source: str) -> str:
    """Put the place that the TOML parser names at the end in front."""
    message = message.replace('end of document', f'line {text.count(chr(10)) + 1}, at the end')
    found = re.fullmatch(r'(?s)(.*) \(at (line .*)\)', message)
    return f'{source}, {found[2]}: {found[1]}' if found else f'{source}: {message}'


def _words(detail: Any) -> str:
    """Say a validation error in words the operator understands."""
    place = '.'.join(str(part + 1) if isinstance(part, int) else part for part in detail['loc'])
    match detail['type']:
        case 'missing':
            return f'{place} is missing'
        case 'extra_forbidden':
            return f'{place} is not known here{_meant(str(detail["loc"][-1]))}'
        case 'string_type':
            return f'{place} must be text in quotes'
        case 'value_error':
            return f'{place} {detail["ctx"]["error"]}'
        case 'string_pattern_mismatch':
            return f'{place} does not look right: {str(detail["input"])[:60]!r}'
    return f'{place}: {detail["msg"][:1].lower()}{detail["msg"][1:]}'


def _meant(name: str) -> str:
    """Guess which name a mistyped one was meant to be."""
    known = {field for part in _Part.__subclasses__() for field in part.model_fields}
    near = difflib.get_close_matches(name, known, n=1)
    return f' (did you mean {near[0]}?)' if near else ''
