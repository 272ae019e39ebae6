"""The static sections of the landing page; each is one piece of markup, built once for a site."""

from functools import lru_cache

from markupsafe import Markup

from services.site import Site
from ui.components import theme
from ui.components.builder import h, join, paragraphs
from ui.components.layout import find_link


@lru_cache(maxsize=2)
def pitch(site: Site) -> Markup:
    """The headline, and for whom the session is."""
    return join(h('h1', site.landing.headline), h('p', site.landing.lead, class_='lead'))


@lru_cache(maxsize=2)
def assurances(site: Site) -> Markup:
    """The assurances below the button, as list items."""
    return join(*(h('li', theme.icon('check', 18), text) for text in site.landing.assurances))


@lru_cache(maxsize=2)
def sections(site: Site) -> Markup:
    """Everything between the first and the second button."""
    return join(_steps(site), _topics(site), _disclaimer(site), _questions(site))


@lru_cache(maxsize=2)
def closing(site: Site) -> Markup:
    """The text above the second button."""
    return join(h('h2', site.landing.closing_title), h('p', site.landing.closing_text))


def _steps(site: Site) -> Markup:
    steps = (h('li', h('h3', step.title), h('p', step.text)) for step in site.landing.steps)
    return h('section', h('h2', site.landing.steps_title), h('ol', *steps, class_='steps'), class_='part')


def _topics(site: Site) -> Markup:
    topics = (h('li', theme.icon('check', 22), h('span', topic)) for topic in site.landing.topics)
    intro = h('div', h('h2', site.landing.topics_title), paragraphs(site.landing.topics_lead))
    return h('section', intro, h('ul', *topics, class_='ticks'), class_='split')


def _disclaimer(site: Site) -> Markup:
    lines = (h('li', line) for line in site.landing.disclaimer)
    title = h('div', h('h2', site.landing.disclaimer_title))
    return h('section', title, h('ul', *lines, class_='dashes'), class_='split aside')


def _questions(site: Site) -> Markup | None:
    questions = [
        h('details', h('summary', item.question), h('div', paragraphs(item.answer)))
        for item in site.landing.questions
    ]
    if not questions:
        return None
    title = h('div', h('h2', site.landing.questions_title), h('p', find_link(), class_='links'))
    return h('section', title, h('div', *questions, class_='questions'), class_='split')
