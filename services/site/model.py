"""The texts of the site: words about the business, legal texts, the accent colour and the contact."""

import re
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from services.site.characters import problem_of_characters
from services.site.colour import NIGHT, PAPER, READABLE, contrast, lightened


def _without_hidden(text: str) -> str:
    if problem := problem_of_characters(text):
        raise ValueError(problem)
    return text


ONE_LINE = r'^[^\r\n]*$'
Plain = AfterValidator(_without_hidden)
Stripped = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Line = Annotated[Stripped, StringConstraints(max_length=200, pattern=ONE_LINE), Plain]
Text = Annotated[Stripped, StringConstraints(max_length=6000), Plain]
Slug = Annotated[str, StringConstraints(pattern=r'^[a-z0-9][a-z0-9-]{0,39}$')]
Email = Annotated[Stripped, StringConstraints(pattern=r'^[^@\s<>"]+@[^@\s<>"]+\.[^@\s<>"]+$'), Plain]
Phone = Annotated[Stripped, StringConstraints(pattern=r'^\+?[0-9(][0-9 ().-]{5,24}$')]
Place = tuple[str | int, ...]
"""Where a value is: the names of tables and of the value, and the numbers of entries, from 0."""
Colour = Annotated[str, StringConstraints(pattern=r'^#[0-9a-fA-F]{6}$', to_lower=True)]


class Part(BaseModel):
    """A table of ``site.toml``: frozen, and without unknown names."""

    model_config = ConfigDict(frozen=True, extra='forbid')


class Business(Part):
    """Who sells."""

    name: Line
    description: Line
    timezone: Line

    @field_validator('timezone')
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f'is no time zone: {name!r}; write its IANA name, such as America/New_York'
            ) from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone for times of which the customer's own is not known."""
        return ZoneInfo(self.timezone)


class Contact(Part):
    """How a customer reaches the operator."""

    email: Email
    phone: Phone
    hours: Line

    @property
    def dial(self) -> str:
        """The telephone number as a ``tel:`` link wants it."""
        return re.sub(r'[^0-9+]', '', self.phone)


class Theme(Part):
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

    @property
    def night(self) -> str:
        """The accent of the dark scheme: the given one, or the same hue lightened until it is readable."""
        return self.accent_dark or lightened(self.accent)


class Product(Part):
    """What is for sale, without its price: that one comes from Stripe.

    ``asks_phone`` says whether Stripe's page asks for a telephone number.
    """

    slug: Slug
    name: Line
    minutes: Annotated[int, Field(ge=5, le=480)]
    format: Line
    button: Annotated[Stripped, StringConstraints(max_length=60, pattern=ONE_LINE), Plain]
    asks_phone: bool = False
    refund_rule: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), Plain] = ''
    sell_without_free_times: StrictBool = True


class Step(Part):
    """One step of how it works."""

    title: Line
    text: Text


class Question(Part):
    """A question people ask, with its answer."""

    question: Line
    answer: Text


class Landing(Part):
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


class AfterPayment(Part):
    """What the page of an order says beside its state.

    ``duplicates_open_calendar`` says whether a second payment of the same customer opens its calendar too,
    ``reminder_hours`` how long after the payment who has picked no time is reminded; 0 for never.
    """

    calendar_title: Line
    calendar_hint: Text
    bring_title: Line
    bring: Annotated[tuple[Text, ...], Field(max_length=12)] = ()
    duplicates_open_calendar: bool = True
    reminder_hours: Annotated[float, Field(ge=0, le=720)] = 24


class Section(Part):
    """A part of a legal text; an empty line in ``text`` begins a new paragraph."""

    heading: Line
    text: Text


class Legal(Part):
    """One legal page."""

    title: Line
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]


class Privacy(Legal):
    """The privacy page, and how long data are kept.

    The section ``stripe_js`` is shown only while the landing page loads Stripe's script, ``mail`` only where
    the shop sends mail. ``keep_months`` is how long the customer of a paid order cannot be forgotten after
    the payment and the last meeting, ``abandoned_days`` how long an order without a payment is kept.
    """

    keep_months: Annotated[StrictInt, Field(ge=0, le=600)] = 18
    abandoned_days: Annotated[StrictInt, Field(ge=1, le=3650)] = 30
    stripe_js: Section
    mail: Section


class Site(Part):
    """All texts of the site; plain text throughout, HTML in them is shown as it is typed."""

    business: Business
    contact: Contact
    theme: Theme
    offer: Product
    landing: Landing
    order: AfterPayment
    updated: date
    terms: Legal
    privacy: Privacy
    refunds: Legal
