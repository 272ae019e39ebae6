"""The first page of the texts: the draft, the sections, what stays in the file, and the versions."""

import difflib
import re

from fastapi import Request, Response
from markupsafe import Markup

from services.admin import SignedIn
from services.admin.texts import EditedTexts, ListedVersion, Outcome
from services.shop import Shop
from services.site import PlaceProblem
from services.site.changes import Change, value_at
from services.site.fields import RULES, SECTIONS, section_of
from ui.admin.access import Form, admin_document_at, admin_post, see_other
from ui.admin.components import Tone, exact, folded, heading, status
from ui.admin.forms import action_form, button, hidden
from ui.admin.layout import Area, admin_document
from ui.admin.texts.section import PATH, last_writer, seen_in
from ui.components.builder import h, join

WORD = re.compile(r'\s*\S+')  # a word, with the space before it
ALIKE = 0.5  # from 0 to 1: texts that are less alike are not mixed
LONGEST_DIFF = 3000  # words of both texts; longer ones are shown one after the other
DONE = {
    'published': 'Published. Every process of the shop shows it within a few seconds.',
    'discarded': 'The draft was discarded.',
    'restored': 'Published again. Every process of the shop shows it within a few seconds.',
}
HOW = (
    'What you save goes into a draft first. Look at it in the preview, then publish it. Orders keep the words'
    ' with which they were bought.'
)
CONFLICT = 'Nothing was done: {who} since you opened this page. Please look again.'
RULES_WORDS = (
    'What is sold and how long data are kept are rules, not words. They stay in the file, because the length'
    ' must match the event type at Calendly, and the short name is in the orders at Stripe. Change them'
    ' there, and start the shop again.'
)
FILE_CHANGED = (
    'The words of {path} have changed since these texts were published. The published ones are shown.'
    ' To show those of the file, use the file again: it is the last one in the list of versions.'
)
DRAFT_FIRST = 'To go back to one of them, publish or discard the draft first.'


def register(shop: Shop) -> None:
    """Register /admin/texts, and what is done with the draft and the versions."""

    @admin_document_at(PATH, shop)
    async def overview(request: Request, signed_in: SignedIn) -> Response:
        words = DONE.get(request.query_params.get('done', ''))
        return await _page(shop, signed_in, h('p', words, class_='notice') if words else None)

    @admin_post(f'{PATH}/draft/publish', shop)
    async def publish(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        outcome = await shop.text_editor.publish(seen=seen_in(form), actor=signed_in.actor)
        return await _after(shop, signed_in, outcome, 'published')

    @admin_post(f'{PATH}/draft/discard', shop)
    async def discard(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        outcome = await shop.text_editor.discard(seen=seen_in(form), actor=signed_in.actor)
        return await _after(shop, signed_in, outcome, 'discarded')

    @admin_post(f'{PATH}/versions/restore', shop)
    async def restore(_request: Request, signed_in: SignedIn, form: Form) -> Response:
        number = form.get('version', '')
        version = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else -1
        outcome = await shop.text_editor.restore(version, seen=seen_in(form), actor=signed_in.actor)
        return await _after(shop, signed_in, outcome, 'restored')


async def _after(shop: Shop, signed_in: SignedIn, outcome: Outcome, done: str) -> Response:
    if outcome.is_done:
        return see_other(f'{PATH}?done={done}')
    words = [h('p', _problem(problem)) for problem in outcome.problems]
    if outcome.refusal:
        words.append(h('p', f'Nothing was done: {outcome.refusal}.'))
    if outcome.is_conflict:
        words.append(h('p', CONFLICT.format(who=last_writer(await shop.text_editor.read(), shop))))
    alert = h('div', *words, class_='alert', role='alert')
    return await _page(shop, signed_in, alert, status=409 if outcome.is_conflict else 422)


def _problem(problem: PlaceProblem) -> Markup:
    section = section_of(problem.place)
    link = h('a', section.title, href=f'{PATH}/{section.slug}') if section else 'site.toml'
    return join('Nothing was published: ', link, f': {problem}.')


async def _page(shop: Shop, signed_in: SignedIn, words: Markup | None, *, status: int = 200) -> Response:
    now = await shop.text_editor.read()
    body = join(
        h('div', h('h1', 'Texts'), h('p', HOW, class_='about'), class_='head'),
        words,
        *_notes(shop, now),
        _draft(shop, now, signed_in) if now.draft else None,
        h('section', heading('Sections'), _sections(now)),
        h('section', heading('Versions'), _versions(await shop.text_editor.versions(), shop, now, signed_in)),
        h('section', heading('What stays in the file'), h('p', RULES_WORDS), _rules(shop)),
    )
    return admin_document(shop, 'Texts', body, signed_in, status=status, area=Area.TEXTS, class_='texts')


def _notes(shop: Shop, now: EditedTexts) -> list[Markup]:
    notes = []
    if shop.texts.problem:
        notes.append(f'{shop.texts.problem[:1].upper()}{shop.texts.problem[1:]}.')
    if shop.texts.file_has_changed:
        notes.append(FILE_CHANGED.format(path=shop.settings.site_file))
    if now.problem:
        notes.append(f'The draft cannot be used any more and is left out: {now.problem}.')
    return [h('p', note, class_='notice') for note in notes]


def _draft(shop: Shop, now: EditedTexts, signed_in: SignedIn) -> Markup:
    assert now.draft
    saved = f'Saved last by {now.draft.actor}, {exact(now.draft.at, shop.site.business.zone)}.'
    seen = hidden('seen', str(now.seen))
    return h(
        'section',
        heading('Draft', len(now.changes)),
        h('p', saved, class_='about'),
        _changes(now.changes) if now.changes else h('p', 'It does not differ from what is published.'),
        h(
            'div',
            h('a', 'Preview', href=f'{PATH}/preview/start-page', class_='button'),
            *(
                action_form(signed_in, f'{PATH}/draft/{do}', seen, button(words, kind=kind), class_='inline')
                for do, words, kind in (('publish', 'Publish', 'main'), ('discard', 'Discard', 'danger'))
            ),
            class_='row',
        ),
        class_='panel',
    )


def _sections(now: EditedTexts) -> Markup:
    changed = {change.section for change in now.changes}
    items = [
        h(
            'li',
            h('a', each.title, href=f'{PATH}/{each.slug}', class_='plain'),
            status('changed in the draft', Tone.NOTE) if each.slug in changed else None,
            h('p', each.about, class_='about'),
        )
        for each in SECTIONS
    ]
    return h('ul', *items, class_='items')


def _versions(listed: tuple[ListedVersion, ...], shop: Shop, now: EditedTexts, signed_in: SignedIn) -> Markup:
    items = [_version(each, shop, now, signed_in) for each in listed]
    return join(
        h('p', DRAFT_FIRST, class_='about') if now.draft else None, h('ol', *items, class_='items versions')
    )


def _version(each: ListedVersion, shop: Shop, now: EditedTexts, signed_in: SignedIn) -> Markup:
    if each.at is None:
        title, who = f'The file {shop.settings.site_file.name}', 'As it was when this process started.'
    else:
        title, who = exact(each.at, shop.site.business.zone), f'{each.actor} · version {each.version}'
    count = f'What changed ({len(each.changes)})'
    again = join(
        hidden('seen', str(now.seen)),
        hidden('version', str(each.version)),
        h('button', 'Use again', type='submit', class_='button', aria_label=f'Use again: {title}'),
    )
    return h(
        'li',
        h('h3', title),
        status('shown to customers', Tone.GOOD) if each.is_shown else None,
        h('p', who, class_='about'),
        h('p', f'Refused: {each.problem}', class_='problem') if each.problem else None,
        folded(count, _changes(each.changes)) if each.changes else None,
        None
        if each.is_shown or each.problem or now.draft
        else action_form(signed_in, f'{PATH}/versions/restore', again),
    )


def _rules(shop: Shop) -> Markup:
    data = shop.site.model_dump()
    rows = [
        join(h('dt', f'[{table}] {name}'), h('dd', str(value_at(data, (table, name))).lower()))
        for table, name in RULES
    ]
    return h('dl', *rows, class_='facts')


def _changes(found: tuple[Change, ...]) -> Markup:
    rows = [join(h('dt', change.label), h('dd', _difference(change))) for change in found]
    return h('dl', *rows, class_='changes')


def _difference(change: Change) -> Markup:
    """Write both texts as one, with what is gone struck through and what is new underlined.

    Texts that have little in common are written one below the other.
    """
    old, new = WORD.findall(change.before), WORD.findall(change.after)
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    if not old or not new or len(old) + len(new) > LONGEST_DIFF or matcher.ratio() < ALIKE:
        return join(
            h('del', change.before) if old else None,
            h('br') if old and new else None,
            h('ins', change.after) if new else None,
        )
    parts: list[Markup] = []
    for what, start, end, new_start, new_end in matcher.get_opcodes():
        for tag, words in (('del', old[start:end]), ('ins', new[new_start:new_end])):
            text = ''.join(words)
            if what == 'equal':
                parts.append(h('span', text))
                break
            if text:
                parts.append(h('span', text[: len(text) - len(text.lstrip())]))
                parts.append(h(tag, text.lstrip()))
    return join(*parts)
