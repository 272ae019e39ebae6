"""What of site.toml is edited in the admin: the sections, and the fields of each with their labels.

Words are edited there. Rules, which decide what is sold and how long data are kept, stay in the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

RULES = (
    ('offer', 'slug'),
    ('offer', 'minutes'),
    ('offer', 'asks_phone'),
    ('offer', 'sell_without_free_times'),
    ('order', 'duplicates_open_calendar'),
    ('order', 'reminder_hours'),
    ('privacy', 'keep_months'),
    ('privacy', 'abandoned_days'),
)
"""Values that are no words: they always come from the file."""
UPDATED = 'updated'
"""The day below the legal texts; it is set when one of them changes."""
LEGAL = ('terms', 'privacy', 'refunds')


class Kind(Enum):
    """How a field is typed."""

    LINE = 'line'
    LONG = 'long'
    COLOUR = 'colour'


@dataclass(frozen=True)
class Field:
    """One text, at ``place`` in the file. With ``is_optional`` nothing may stand there."""

    place: tuple[str, ...]
    label: str
    kind: Kind = Kind.LINE
    hint: str = ''
    is_optional: bool = False


@dataclass(frozen=True)
class Entries:
    """A list, whose entries are added, removed and moved; ``noun`` names one of them.

    An entry is a text, or a table with ``parts``; the place of a part begins in the entry.
    """

    place: tuple[str, ...]
    label: str
    noun: str
    parts: tuple[Field, ...] = ()
    kind: Kind = Kind.LINE
    hint: str = ''


@dataclass(frozen=True)
class Section:
    """What is edited on one page; ``slug`` is the end of its address."""

    slug: str
    title: str
    about: str
    fields: tuple[Field | Entries, ...]


HEADING_AND_TEXT = (
    Field(('heading',), 'Heading'),
    Field(('text',), 'Text', Kind.LONG, 'An empty line begins a new paragraph.'),
)


def _legal(name: str) -> tuple[Field | Entries, ...]:
    return (
        Field((name, 'title'), 'Title'),
        Entries((name, 'sections'), 'Sections', 'Section', HEADING_AND_TEXT),
    )


def _legal_section(place: tuple[str, ...], label: str, when: str) -> tuple[Field, ...]:
    heading, text = HEADING_AND_TEXT
    return (
        Field((*place, *heading.place), f'{label}: heading', hint=when),
        Field((*place, *text.place), f'{label}: text', Kind.LONG, f'{when} {text.hint}'),
    )


SECTIONS = (
    Section(
        'business',
        'Business and contact',
        'In the head and the foot of each page, in each mail, and where something went wrong.',
        (
            Field(('business', 'name'), 'Name of the business', hint='Also on the page of Stripe.'),
            Field(('business', 'description'), 'Description', hint='What search engines show.'),
            Field(
                ('business', 'timezone'),
                'Time zone',
                hint='Such as America/New_York; for times of which the customer’s own zone is not known.',
            ),
            Field(('contact', 'email'), 'E-mail address'),
            Field(('contact', 'phone'), 'Telephone number'),
            Field(('contact', 'hours'), 'When you can be reached'),
        ),
    ),
    Section(
        'colour',
        'Color',
        'The one colour of buttons and links, here, at Stripe, at Calendly and in mail.',
        (
            Field(('theme', 'accent'), 'Accent', Kind.COLOUR, 'It must read well on the light background.'),
            Field(
                ('theme', 'accent_dark'),
                'Accent of the dark scheme',
                Kind.COLOUR,
                'Worked out from the accent where nothing stands here.',
                is_optional=True,
            ),
        ),
    ),
    Section(
        'offer',
        'Offer',
        'What is sold. An order keeps the words with which it was bought.',
        (
            Field(('offer', 'name'), 'Name', hint='Also on the order, in its mails and in the calendar.'),
            Field(('offer', 'format'), 'How it takes place', hint='Beside the length.'),
            Field(('offer', 'button'), 'Pay button', hint='The price is added to it.'),
            Field(
                ('offer', 'refund_rule'),
                'Refund rule beside Stripe’s pay button',
                Kind.LONG,
                'Nothing is shown where nothing stands here.',
                is_optional=True,
            ),
        ),
    ),
    Section(
        'start-page',
        'Start page',
        'From top to bottom.',
        (
            Field(('landing', 'title'), 'Title in the tab and in search engines'),
            Field(('landing', 'headline'), 'Headline'),
            Field(('landing', 'lead'), 'Text below the headline', Kind.LONG),
            Entries(('landing', 'assurances'), 'Assurances below the button', 'Assurance'),
            Field(('landing', 'steps_title'), 'Steps: heading'),
            Entries(
                ('landing', 'steps'),
                'Steps',
                'Step',
                (Field(('title',), 'Title'), Field(('text',), 'Text', Kind.LONG)),
            ),
            Field(('landing', 'topics_title'), 'Topics: heading'),
            Field(('landing', 'topics_lead'), 'Topics: text', Kind.LONG),
            Entries(('landing', 'topics'), 'Topics', 'Topic', kind=Kind.LONG),
            Field(('landing', 'disclaimer_title'), 'Disclaimer: heading'),
            Entries(('landing', 'disclaimer'), 'Disclaimer', 'Sentence', kind=Kind.LONG),
            Field(('landing', 'closing_title'), 'End of the page: heading'),
            Field(('landing', 'closing_text'), 'End of the page: text', Kind.LONG),
        ),
    ),
    Section(
        'questions',
        'Questions people ask',
        'On the start page, above its end.',
        (
            Field(('landing', 'questions_title'), 'Heading'),
            Entries(
                ('landing', 'questions'),
                'Questions',
                'Question',
                (
                    Field(('question',), 'Question'),
                    Field(('answer',), 'Answer', Kind.LONG, 'An empty line begins a new paragraph.'),
                ),
            ),
        ),
    ),
    Section(
        'order',
        'Page of the order',
        'What a customer reads who has paid.',
        (
            Field(('order', 'calendar_title'), 'Calendar: heading'),
            Field(('order', 'calendar_hint'), 'Calendar: text', Kind.LONG),
            Field(('order', 'bring_title'), 'What to bring: heading'),
            Entries(('order', 'bring'), 'What to bring', 'Line', kind=Kind.LONG),
        ),
    ),
    Section('terms', 'Terms', 'At /terms.', _legal('terms')),
    Section(
        'privacy',
        'Privacy',
        'At /privacy.',
        (
            *_legal('privacy'),
            *_legal_section(('privacy', 'mail'), 'Mail', 'Shown only where the shop sends mail.'),
            *_legal_section(
                ('privacy', 'stripe_js'), 'Stripe’s script', 'Shown only where the start page loads it.'
            ),
        ),
    ),
    Section('refunds', 'Refunds', 'At /refunds.', _legal('refunds')),
)
BY_SLUG = {section.slug: section for section in SECTIONS}


def all_fields() -> Iterator[Field | Entries]:
    """Yield the fields of all sections."""
    for section in SECTIONS:
        yield from section.fields


def section_of(place: tuple[str | int, ...]) -> Section | None:
    """Return the section in which a place is edited; None for a rule."""
    for section in SECTIONS:
        if any(place[: len(field.place)] == field.place for field in section.fields):
            return section
    return None
