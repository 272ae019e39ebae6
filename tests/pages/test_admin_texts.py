"""The pages of the texts: forms, preview, publication and undo, as the operator's browser sends them."""

import html
import re
from collections.abc import AsyncIterator

import pytest
from httpx import Response
from sqlalchemy import func, select

from services.database import schema
from services.ledger import VersionState
from services.settings import parse_settings
from services.shop import Shop, build
from services.site.fields import SECTIONS
from tests.pages.admin import PASSWORD, Operator
from tests.pages.conftest import Way
from tests.pages.customer import Customer, words
from tests.sandbox_client import SandboxClient

PATH = '/admin/texts'
CRAWLER = {'user-agent': 'Googlebot/2.1'}
EVIL = '</script><script>alert(1)</script> "quoted" \'single\' & <b>bold</b> ${x} {{ y }}'
FIELD = re.compile(
    r'<(?:input type="(?:text|color)" value="(?P<value>[^"]*)"|textarea rows="\d+")[^>]*'
    r' name="(?P<name>[^"]+)"[^>]*>'
    r'(?:\n(?P<text>.*?)</textarea>)?',
    re.DOTALL,
)
SEEN = re.compile(r'name="seen" value="(\d+)"')


@pytest.fixture
def settings_env(settings_env: dict[str, str]) -> dict[str, str]:
    """Return the settings of a shop with an admin."""
    return settings_env | {'ADMIN_PASSWORD': PASSWORD}


@pytest.fixture
async def other(shop: Shop, settings_env: dict[str, str]) -> AsyncIterator[Shop]:
    """Open a second process on the same database."""
    other = build(parse_settings(settings_env))
    await other.open()
    yield other
    await other.close()


def form_in(page: str) -> dict[str, str]:
    """Return the texts in the form of a page, and what it has seen."""
    fields = {
        found['name']: html.unescape(found['text'] if found['value'] is None else found['value'])
        for found in FIELD.finditer(page)
    }
    (seen,) = set(SEEN.findall(page))
    return fields | {'seen': seen}


class Editor:
    """The operator with the texts."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._token = ''

    async def open(self, section: str) -> dict[str, str]:
        """Open the page of a section; return its form."""
        answer = await self._operator.get(f'{PATH}/{section}')
        assert answer.status_code == 200
        return form_in(answer.text)

    async def send(self, section: str, form: dict[str, str], do: str = 'save') -> Response:
        """Press a button of a form."""
        return await self._post(section, form | {'do': do})

    async def save(self, section: str, **changes: str) -> Response:
        """Open a section, type, and save."""
        form = await self.open(section) | {name.replace('__', '.'): text for name, text in changes.items()}
        return await self.send(section, form)

    async def overview(self) -> str:
        """Return the first page of the texts."""
        return (await self._operator.get(PATH)).text

    async def press(self, path: str, **fields: str) -> Response:
        """Press a button of the first page, which was loaded just now unless it says what it has seen."""
        seen = fields.get('seen') or SEEN.findall(await self.overview())[0]
        return await self._post(path, {'seen': seen, **fields})

    async def _post(self, path: str, form: dict[str, str]) -> Response:
        self._token = self._token or await self._operator.form_token()
        return await self._operator.send('POST', f'{PATH}/{path}', data={'token': self._token, **form})

    async def preview(self, page: str = 'start-page') -> Response:
        """Open the preview of a page."""
        return await self._operator.get(f'{PATH}/preview/{page}')


@pytest.fixture
def editor(operator: Operator) -> Editor:
    """Return the operator with the texts."""
    return Editor(operator)


async def rows(shop: Shop) -> int:
    """How many versions are stored."""
    (row,) = await shop.ledger.store.read(select(func.count()).select_from(schema.site_versions))
    return int(row[0])


async def pages(customer: Customer) -> list[str]:
    """Return the landing page, as it is built and as it is kept in memory."""
    answers = [await customer.http.get('/'), await customer.http.get('/', headers=CRAWLER)]
    return [answer.text for answer in answers]


async def test_every_form_sends_back_what_it_shows(editor: Editor, shop: Shop) -> None:
    """Saving a section without typing changes nothing: every field is read and written alike."""
    for section in SECTIONS:
        answer = await editor.send(section.slug, await editor.open(section.slug))
        assert answer.status_code == 303, (section.slug, words(answer.text))
    assert await rows(shop) == 0


async def test_a_preview_shows_the_draft_and_publishes_nothing(
    editor: Editor, customer: Customer, shop: Shop
) -> None:
    """The operator sees the real page with the draft, and cannot pay there; customers see nothing of it."""
    await editor.save('start-page', landing__headline=EVIL)
    await editor.save('offer', offer__button='Book my hour')
    await editor.save('terms', terms__title='House rules')
    answer = await editor.preview()
    assert 'alert(1)' in answer.text
    assert '<script>alert' not in answer.text
    assert 'Book my hour - $150' in words(answer.text)
    assert 'action="/checkout"' not in answer.text
    assert answer.headers['cache-control'] == 'no-store'
    assert 'House rules' in words((await editor.preview('terms')).text)
    for page in await pages(customer):
        assert shop.site.landing.headline in html.unescape(page)
        assert 'alert(1)' not in page
        assert 'Book my hour' not in page
    assert 'House rules' not in (await customer.http.get('/terms')).text
    assert (await customer.http.get(f'{PATH}/preview/start-page')).status_code == 303


async def test_a_publication_changes_every_page_of_every_process(
    editor: Editor, customer: Customer, shop: Shop, other: Shop, way: Way
) -> None:
    """Landing page, the one in memory, head, icon, legal page, order page and the other process show it."""
    await customer.open('/')
    path = await way.arrive(await way.pay())
    await editor.save('start-page', landing__headline='New headline', landing__title='New title')
    await editor.save('business', business__name='New name')
    await editor.save('colour', theme__accent='#4a148c')
    await editor.save('refunds', refunds__title='Money back')
    answer = await editor.press('draft/publish')
    assert answer.headers['location'] == f'{PATH}?done=published'
    for page in await pages(customer):
        assert 'New headline' in page
        assert '<title>New title · New name</title>' in page
        assert '#4a148c' in page
        assert '#0b5d3b' not in page
    assert '4a148c' in (await customer.http.get('/favicon.svg')).text
    legal = (await customer.http.get('/refunds')).text
    assert 'Money back' in legal
    order = (await customer.http.get(path)).text
    assert '<title>Your order · New name</title>' in order
    assert '#4a148c' in order
    await other.texts.refresh()
    assert other.site == shop.site
    assert 'Payment Successful' in customer.text  # the page that was open goes on


async def test_a_page_that_was_open_still_sells(
    editor: Editor, customer: Customer, shop: Shop, sandbox: SandboxClient
) -> None:
    """Its words stay, its button leads to Stripe, and the order has the name that is sold now."""
    await customer.open('/')
    before = shop.site.landing.headline
    await editor.save('start-page', landing__headline='New headline')
    await editor.save('offer', offer__name='New session', offer__button='Book my hour')
    await editor.press('draft/publish')
    assert before in customer.text
    await customer.until(customer.is_usable)
    await customer.pressed()
    (url,) = customer.left_for
    (session,) = sandbox.state()['sessions']
    assert session['id'] in url
    order = await shop.ledger.orders.find(session_id=session['id'])
    assert order is not None
    assert order.purchase.title == 'New session'


async def test_hostile_text_is_text_everywhere(editor: Editor, customer: Customer) -> None:
    """HTML, quotes and the end of a script are shown as they were typed, in structured data as well."""
    await editor.save('business', business__name=EVIL, business__description=EVIL, contact__hours=EVIL)
    await editor.save('start-page', landing__headline=EVIL, landing__title=EVIL)
    await editor.press('draft/publish')
    assert '<script>alert' not in await editor.overview()
    form = await editor.open('business')
    assert form['business.name'] == EVIL
    for page in [*(await pages(customer)), (await customer.http.get('/terms')).text]:
        assert 'alert(1)' in page
        assert '<script>alert' not in page
        assert '<b>bold' not in page


async def test_lists_grow_shrink_and_move_without_losing_what_is_typed(editor: Editor, shop: Shop) -> None:
    """Add, move up and remove change the form alone; saving writes the questions in their new order."""
    first, second = shop.site.landing.questions[:2]
    form = await editor.open('questions') | {'landing.questions_title': 'Typed'}
    form = form_in((await editor.send('questions', form, 'up:landing.questions:1')).text)
    assert form['landing.questions.0.question'] == second.question
    form = form_in((await editor.send('questions', form, 'remove:landing.questions:2')).text)
    form = form_in((await editor.send('questions', form, 'add:landing.questions:6')).text)
    assert form['landing.questions.6.answer'] == ''
    assert form['landing.questions_title'] == 'Typed'
    assert await rows(shop) == 0
    form |= {'landing.questions.6.question': 'New?', 'landing.questions.6.answer': 'One.\r\n\r\nTwo.'}
    form = form_in((await editor.send('questions', form, 'add:landing.questions:7')).text)
    assert (await editor.send('questions', form)).status_code == 303  # the empty entry is left out
    await editor.press('draft/publish')
    questions = shop.site.landing.questions
    assert [each.question for each in questions[:2]] == [second.question, first.question]
    assert (len(questions), questions[6].question, questions[6].answer) == (7, 'New?', 'One.\n\nTwo.')


async def test_long_legal_texts_can_be_saved(editor: Editor, shop: Shop) -> None:
    """As long as privacy texts are, and in letters that need six bytes in a form."""
    sections = [{'heading': f'Teil {number}', 'text': 'ü' * 5000} for number in range(10)]
    typed = {
        f'privacy.sections.{number}.{part}': text
        for number, section in enumerate(sections)
        for part, text in section.items()
    }
    assert (await editor.save('privacy', **typed)).status_code == 303
    site = (await shop.text_editor.read()).site
    assert [each.model_dump() for each in site.privacy.sections][: len(sections)] == sections


@pytest.mark.parametrize('do', ['', 'add:landing.headline:0', 'remove:landing.questions:99', 'publish'])
async def test_a_button_that_no_page_has_does_nothing(editor: Editor, shop: Shop, do: str) -> None:
    """The form is refused with words."""
    answer = await editor.send('questions', await editor.open('questions'), do)
    assert answer.status_code == 400
    assert await rows(shop) == 0


async def test_what_is_wrong_stands_beside_its_field(editor: Editor, shop: Shop) -> None:
    """Nothing is saved, the words are tied to the field, and everything typed is still there."""
    typed = {'contact.phone': 'call', 'business.name': '  ', 'contact.hours': 'x' * 201}
    form = await editor.open('business') | typed
    answer = await editor.send('business', form)
    assert answer.status_code == 422
    assert form_in(answer.text) == form
    field = re.search(r'<input[^>]*name="contact.phone"[^>]*>', answer.text)
    assert field
    assert 'aria-invalid="true"' in field[0]
    assert 'contact.phone-problem' in field[0]
    text = words(answer.text)
    assert "Telephone number does not look right: 'call'." in text
    assert 'Name of the business must not be empty.' in text
    assert 'When you can be reached must have at most 200 characters.' in text
    pale = words((await editor.save('colour', theme__accent='#9fd6b8')).text)
    assert 'Accent is hard to read on #fbfaf7: its contrast is 1.6, not 4.5 or more.' in pale
    answer = await editor.save('questions', **{'landing.questions.1.answer': ' '})
    assert 'Answer must not be empty.' in words(answer.text)
    assert await rows(shop) == 0


async def test_the_second_operator_is_told_and_loses_nothing(editor: Editor, shop: Shop) -> None:
    """The form comes back with what was typed, who wrote meanwhile and what; saving again keeps both."""
    other = Operator()
    await other.sign_in()
    late = Editor(other)
    form = await late.open('business')
    await editor.save('business', contact__phone='+1 202 456 1111', business__name='First')
    answer = await late.send('business', form | {'business.name': 'Second'})
    assert answer.status_code == 409
    text = words(answer.text)
    assert 'has changed the texts' in text
    assert 'Stored meanwhile: First' in text
    again = form_in(answer.text)
    assert again['business.name'] == 'Second'
    assert (await shop.text_editor.read()).site.business.name == 'First'
    answer = await late.send('business', again | {'contact.phone': '+1 202 456 1111'})
    assert answer.status_code == 303
    site = (await shop.text_editor.read()).site
    assert (site.business.name, site.contact.phone) == ('Second', '+1 202 456 1111')


async def test_a_page_left_open_publishes_nothing(editor: Editor, shop: Shop) -> None:
    """Publish, discard and use again need the newest row; else the page says who was there."""
    await editor.save('business', business__name='First')
    seen = SEEN.findall(await editor.overview())[0]
    await editor.save('business', business__name='Second')
    for path, more in (('draft/publish', {}), ('draft/discard', {}), ('versions/restore', {'version': '0'})):
        answer = await editor.press(path, **{'seen': seen, **more})
        assert answer.status_code == 409, path
        assert 'has changed the texts' in words(answer.text)
    await editor.press('draft/discard')
    answer = await editor.press('draft/publish', seen=seen)
    assert 'has discarded the draft' in words(answer.text)
    await editor.save('business', business__name='Second')
    for wrong in ({'seen': ''}, {'seen': 'x'}, {'seen': '٣'}):
        assert (await editor.press('draft/publish', **wrong)).status_code == 409
    assert shop.texts.shown is None
    assert (await shop.text_editor.read()).site.business.name == 'Second'


async def test_undo_lists_who_changed_what_and_goes_back(editor: Editor, shop: Shop) -> None:
    """The list shows old and new words; "Use again" publishes the file's as a new version."""
    before = shop.site.landing.headline
    await editor.save('start-page', landing__headline=f'{before} <now>')
    await editor.press('draft/publish')
    page = await editor.overview()
    assert '<ins>&lt;now&gt;</ins>' in page
    assert 'admin (' in words(page)
    answer = await editor.press('versions/restore', version='0')
    assert answer.headers['location'] == f'{PATH}?done=restored'
    assert shop.site.landing.headline == before
    unknown = await editor.press('versions/restore', version='4711')
    assert unknown.status_code == 422
    assert 'Nothing was done: there is no such version.' in words(unknown.text)
    assert 'since you opened this page' not in words(unknown.text)
    assert len(await shop.text_editor.versions()) == 3
    lines = [line.line for line in await shop.ledger.admin_journal.newest(limit=9)]
    assert lines[0] == 'texts of the file published again: Headline'
    assert 'texts published: Headline' in lines


async def test_the_page_says_what_the_operator_must_know(editor: Editor, shop: Shop) -> None:
    """That the file has changed since, and that a version is refused and why; each with what to do."""
    toml, add = shop.texts.file.text, shop.ledger.site_versions.add
    assert 'have changed since' not in words(await editor.overview())
    assert await add(0, VersionState.PUBLISHED, toml, file_digest='of other words', actor='somebody')
    page = words(await editor.overview())
    assert 'have changed since these texts were published' in page
    assert 'Use again' in page
    bad = toml.replace('headline =', 'hedline =')
    assert await add(1, VersionState.PUBLISHED, bad, file_digest=shop.texts.file_digest, actor='somebody')
    page = words(await editor.overview())
    assert 'The texts of version 2 are refused, version 1 is shown:' in page
    assert 'landing.headline is missing' in page
    await editor.press('versions/restore', version='0')
    page = words(await editor.overview())
    assert 'have changed since' not in page
    assert 'The texts of version 2 are refused' not in page


async def test_a_discarded_draft_is_gone(editor: Editor, shop: Shop) -> None:
    """The preview shows what is published again."""
    await editor.save('start-page', landing__headline='Draft')
    assert 'Draft' in words((await editor.preview()).text)
    await editor.press('draft/discard')
    assert shop.site.landing.headline in words((await editor.preview()).text)
    assert (await shop.text_editor.read()).draft is None


@pytest.mark.parametrize('path', [f'{PATH}/none', f'{PATH}/preview/none'])
async def test_an_unknown_section_does_not_exist(operator: Operator, path: str) -> None:
    """It answers 404, and so does a form sent to it."""
    assert (await operator.get(path)).status_code == 404
    assert (await operator.post(f'{PATH}/none', do='save')).status_code == 404
