"""The page of one section: its fields, what is wrong beside each, and the buttons of its lists."""

from dataclasses import dataclass, field

from fastapi import Request, Response
from markupsafe import Markup

from services.admin import SignedIn
from services.admin.texts import EditedTexts, Outcome
from services.errors import BadRequest
from services.shop import Shop
from services.site import NIGHT, PAPER, Place, PlaceProblem, contrast
from services.site.colour import READABLE
from services.site.fields import BY_SLUG, Entries, Field, Kind, Section
from ui.admin.access import Form, admin_document_at, admin_post, see_other
from ui.admin.components import exact
from ui.admin.forms import action_form, hidden
from ui.admin.layout import Area, admin_document
from ui.admin.texts.typed import (
    Typed,
    changed_list,
    entries_of,
    name_of,
    typed_from,
    typed_in,
    values_of,
    without_empty_entries,
)
from ui.components.builder import h, join
from ui.pages.errors import not_found

PATH = '/admin/texts'
MAX_BODY = 512 * 1024  # bytes; a long privacy text has 100,000 letters, and a form has six bytes for some
MAX_FIELDS = 400  # the longest section has thirty questions, of two fields each
SAVE = 'save'
SAVED = 'Saved in the draft. Customers read it once you have published it.'
WRONG = 'Nothing was saved: see what is wrong below.'
CONFLICT = (
    'Nothing was saved: {who} since you opened this page. What you have typed is still here, and what'
    ' differs from it is said beside each field. Save once more to keep yours.'
)
NO_BUTTON = 'Please use the buttons of the page.'


@dataclass(frozen=True)
class _View:
    """What the form shows: the typed texts, the problems by their names, and stored texts that differ."""

    typed: Typed
    problems: dict[str, str] = field(default_factory=dict)
    stored: dict[str, str] = field(default_factory=dict)


def register(shop: Shop) -> None:
    """Register the page of each section, and what its form posts to."""

    @admin_document_at(f'{PATH}/{{section}}', shop)
    async def page(request: Request, signed_in: SignedIn) -> Response:
        section = BY_SLUG.get(request.path_params['section'])
        if section is None:
            return not_found(shop)
        now = await shop.text_editor.read()
        words = h('p', SAVED, class_='notice') if 'saved' in request.query_params else None
        return _answer(shop, signed_in, section, now, _View(typed_from(section, now.site)), words)

    @admin_post(f'{PATH}/{{section}}', shop, limit=MAX_BODY, fields=MAX_FIELDS, keeps_empty=True)
    async def save(request: Request, signed_in: SignedIn, form: Form) -> Response:
        section = BY_SLUG.get(request.path_params['section'])
        if section is None:
            return not_found(shop)
        wish, typed = form.get('do', ''), typed_in(section, form)
        if wish != SAVE:
            changed = changed_list(section, typed, wish)
            if changed is None:
                raise BadRequest(NO_BUTTON)
            now = await shop.text_editor.read()
            return _answer(shop, signed_in, section, now, _View(changed), None, seen=seen_in(form))
        typed = without_empty_entries(section, typed)
        outcome = await shop.text_editor.save(
            section, values_of(section, typed), seen=seen_in(form), actor=signed_in.actor
        )
        if outcome.is_done:
            return see_other(f'{PATH}/{section.slug}?saved=1')
        return await _not_saved(shop, signed_in, section, typed, outcome)


def seen_in(form: Form) -> int:
    """Return the number of the newest row when the page was built; -1, which none has, if it is missing."""
    seen = form.get('seen', '')
    return int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else -1


def last_writer(now: EditedTexts, shop: Shop) -> str:
    """Say who has written last, and when."""
    if now.last is None:
        return 'the texts have changed'
    did = 'discarded the draft' if now.last.state == 'discarded' else 'changed the texts'
    return f'{now.last.actor} has {did} ({exact(now.last.at, shop.site.business.zone)})'


async def _not_saved(
    shop: Shop, signed_in: SignedIn, section: Section, typed: Typed, outcome: Outcome
) -> Response:
    now = await shop.text_editor.read()
    stored = typed_from(section, now.site) if outcome.is_conflict else {}
    different = {name: text for name, text in stored.items() if typed.get(name) != text}
    problems = {name_of(problem.place): _words(section, problem) for problem in outcome.problems}
    conflict = CONFLICT.format(who=last_writer(now, shop)) if outcome.is_conflict else ''
    words = [h('p', text) for text in (conflict, WRONG if problems else '') if text]
    elsewhere = {name: text for name, text in problems.items() if not _is_shown(section, typed, name)}
    alert = h('div', *words, *(h('p', text) for text in elsewhere.values()), class_='alert', role='alert')
    view = _View(typed, problems, different)
    return _answer(shop, signed_in, section, now, view, alert, status=409 if outcome.is_conflict else 422)


def _is_shown(section: Section, typed: Typed, name: str) -> bool:
    return name in typed or name in {name_of(each.place) for each in section.fields}


def _words(section: Section, problem: PlaceProblem) -> str:
    return f'{_label_of(section, problem.place)}{problem.words}.'


def _label_of(section: Section, place: Place) -> str:
    for each in section.fields:
        if isinstance(each, Field) and each.place == place:
            return each.label
        if isinstance(each, Entries) and place[: len(each.place)] == each.place:
            number, *part = place[len(each.place) :] or ['']
            labels = [found.label for found in each.parts if list(found.place) == part]
            return labels[0] if labels else each.noun if isinstance(number, int) else each.label
    return name_of(place)


def _answer(
    shop: Shop,
    signed_in: SignedIn,
    section: Section,
    now: EditedTexts,
    view: _View,
    words: Markup | None,
    *,
    seen: int | None = None,
    status: int = 200,
) -> Response:
    """Build the page; ``seen`` is what its form has seen, if that is not the newest row."""
    fields = [
        _field(each, name_of(each.place), view) if isinstance(each, Field) else _entries(each, view, section)
        for each in section.fields
    ]
    save = h('p', h('button', 'Save in the draft', name='do', value=SAVE, class_='button main'))
    # Enter in a line presses the first button: it must be this one, and not one of a list.
    has_lists = any(isinstance(each, Entries) for each in section.fields)
    form = action_form(
        signed_in,
        f'{PATH}/{section.slug}',
        hidden('seen', str(now.seen if seen is None else seen)),
        save if has_lists else None,
        *fields,
        save,
    )
    back = h('p', h('a', 'All texts', href=PATH), ' · ', h('a', 'Preview', href=f'{PATH}/preview/start-page'))
    body = join(
        h('div', h('h1', section.title), h('p', section.about, class_='about'), back, class_='head'),
        words,
        form,
    )
    return admin_document(
        shop, section.title, body, signed_in, status=status, area=Area.TEXTS, class_='texts'
    )


def _field(each: Field, name: str, view: _View) -> Markup:
    text, problem, stored = view.typed.get(name, ''), view.problems.get(name), view.stored.get(name)
    notes = {
        f'{name}-hint': h('p', each.hint, class_='about', id=f'{name}-hint') if each.hint else None,
        f'{name}-contrast': _contrast(each, text, name),
        f'{name}-problem': h('p', problem, class_='problem', id=f'{name}-problem') if problem else None,
        f'{name}-stored': _stored(stored, name) if stored is not None else None,
    }
    given = {
        'name': name,
        'id': name,
        'aria_describedby': ' '.join(key for key, note in notes.items() if note) or None,
        'aria_invalid': 'true' if problem else None,
        'autocomplete': 'off',
    }
    return h(
        'div',
        h('label', each.label, for_=name),
        _input(each, text, given),
        *notes.values(),
        class_='typed',
    )


def _input(each: Field, text: str, given: dict[str, str | None]) -> Markup:
    if each.kind is Kind.LONG:
        return h('textarea', f'\n{text}', rows=str(2 + len(text) // 70 + text.count('\n')), **given)
    is_colour = each.kind is Kind.COLOUR and not each.is_optional and _is_colour(text)
    return h('input', type='color' if is_colour else 'text', value=text, **given)


def _contrast(each: Field, text: str, name: str) -> Markup | None:
    """Say how well a colour is read on the background of its scheme."""
    if each.kind is not Kind.COLOUR or not _is_colour(text):
        return None
    found = contrast(text.lower(), NIGHT if each.is_optional else PAPER)
    swatch = h('span', class_='swatch', style=f'background: {text}')
    words = f' Contrast with the background: {found:.1f}; it must be {READABLE} or more.'
    return h('p', swatch, words, class_='about', id=f'{name}-contrast')


def _is_colour(text: str) -> bool:
    digits = set(text[1:].lower())
    return len(text) == 7 and text[0] == '#' and digits <= set('0123456789abcdef')


def _stored(text: str, name: str) -> Markup:
    return h(
        'p', 'Stored meanwhile: ', h('q', text) if text else 'nothing', class_='stored', id=f'{name}-stored'
    )


def _entries(each: Entries, view: _View, section: Section) -> Markup:
    name = name_of(each.place)
    entries, problem = entries_of(each, view.typed), view.problems.get(name)
    items = [_entry(each, number, len(entries), view, section) for number in range(len(entries))]
    return h(
        'fieldset',
        h('legend', h('h2', each.label)),
        h('p', problem, class_='problem') if problem else None,
        h('ol', *items, class_='entries') if items else h('p', 'None.', class_='about'),
        _list_button('add', each, len(entries), len(entries), f'Add a {each.noun.lower()}', section),
    )


def _entry(each: Entries, number: int, count: int, view: _View, section: Section) -> Markup:
    name = name_of((*each.place, number))
    title = f'{each.noun} {number + 1}'
    if each.parts:
        fields = [_field(part, f'{name}.{part.place[0]}', view) for part in each.parts]
        content = h('div', h('h3', title), *fields, role='group', aria_label=title, class_='typed')
    else:
        content = _field(Field(each.place, title, each.kind), name, view)
    up = f'Move {each.noun.lower()} {number + 1} up'
    buttons = (
        _list_button('up', each, number, number - 1, 'Move up', section, up) if number else None,
        _list_button(
            'remove',
            each,
            number,
            max(0, min(number, count - 2)),
            'Remove',
            section,
            f'Remove {each.noun.lower()} {number + 1}',
        ),
    )
    return h('li', content, h('p', *buttons, class_='row'), id=f'{name}-entry')


def _list_button(
    do: str, each: Entries, number: int, then: int, words: str, section: Section, name: str = ''
) -> Markup:
    """Build a button that changes a list; the page that follows is shown from the entry ``then`` on."""
    place = name_of(each.place)
    return h(
        'button',
        words,
        type='submit',
        name='do',
        value=f'{do}:{place}:{number}',
        formaction=f'{PATH}/{section.slug}#{place}.{then}-entry',
        class_='button',
        aria_label=name or None,
    )
