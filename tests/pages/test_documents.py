"""The theme and the plain documents: style sheet, markup, legal pages, search engines, errors."""

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nicegui import app, ui

from services.shop import Shop
from services.site import DARK_CONTRAST, NIGHT, PAPER, Site, Theme, contrast, load
from tests.pages.customer import Customer, words
from tests.processes import ROOT
from ui.components import theme
from ui.components.builder import h, paragraphs
from ui.components.layout import footer
from ui.pages.landing_sections import assurances, closing, pitch, sections

PATTERNED = ('email', 'phone', 'timezone', 'accent', 'slug', 'button')
SHEET = theme.sheet(load(ROOT / 'site.toml').theme)


def test_the_style_sheet_is_small_enough_to_be_inline() -> None:
    """The sheet is under 14 KB (print included) and has the accents and both backgrounds."""
    assert len(SHEET.encode()) < 14 * 1024
    assert f'--paper:{PAPER}' in SHEET
    assert f'--paper:{NIGHT}' in SHEET
    assert 'ACCENT' not in SHEET
    assert '@import' not in SHEET


@pytest.mark.parametrize('scheme', [0, 1], ids=['light', 'dark'])
def test_every_pair_of_colours_is_readable(scheme: int) -> None:
    """Every text colour has a contrast of at least 4.5 on its background, in both schemes."""
    roots = re.findall(r':root\{(.*?)\}', SHEET)[: scheme + 1]
    colours = {name: value for part in roots for name, value in re.findall(r'--([\w-]+):(#\w{6})\b', part)}
    pairs = [('ink', 'paper'), ('ink', 'card'), ('quiet', 'paper'), ('quiet', 'card'), ('accent', 'paper')]
    pairs += [('accent', 'card'), ('on-accent', 'accent'), ('ink', 'bad-tint'), ('note', 'note-tint')]
    for text, ground in pairs:
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)


@given(st.integers(0, 0xFFFFFF))
def test_any_accent_has_a_dark_one(colour: int) -> None:
    """The accent derived for the dark scheme is readable, whatever the accent."""
    look = Theme.model_construct(accent=f'#{colour:06x}', accent_dark=None)
    assert contrast(look.night, NIGHT) >= DARK_CONTRAST


def test_no_colour_outside_the_theme() -> None:
    """No page names a colour; all colours are in the theme."""
    for path in (ROOT / 'ui').rglob('*.py'):
        if path.name != 'theme.py':
            assert not re.search(r'#[0-9a-fA-F]{3,8}\b|rgba?\(', path.read_text(encoding='utf-8')), path


@given(st.text())
def test_markup_escapes_every_text(text: str) -> None:
    """Text in an element, in an attribute or in a paragraph is never read as HTML."""
    for built in (h('p', text), h('p', title=text), paragraphs(text)):
        inside = re.sub(r'</?p( title="[^"<>]*")?>', '', built)
        assert '<' not in inside
        assert '"' not in inside


@pytest.mark.parametrize(
    ('path', 'title'), [('/terms', 'Terms'), ('/refunds', 'Refunds'), ('/privacy', 'Privacy')]
)
async def test_a_legal_page_is_a_plain_document(customer: Customer, path: str, title: str) -> None:
    """The legal pages need no script, are linked from the footer, and answer HEAD."""
    answer = await customer.http.get(path)
    assert answer.status_code == 200
    assert '<html lang="en-US">' in answer.text
    assert f'<h1>{title}</h1>' in answer.text
    assert '<script' not in answer.text
    assert (await customer.http.head(path)).status_code == 200
    assert f'href=\\"{path}\\"' in (await customer.http.get('/')).text


@pytest.mark.parametrize(('method', 'status'), [('GET', 404), ('POST', 404)])
async def test_a_missing_page(customer: Customer, method: str, status: int) -> None:
    """A missing URL is answered with our page and a phone number, and its text is not repeated."""
    answer = await customer.http.request(method, '/wp-admin/<script>x')
    assert answer.status_code == status
    assert 'This page does not exist' in words(answer.text)
    assert '(202) 555-0143' in words(answer.text)
    assert 'wp-admin' not in answer.text


async def test_a_wrong_method(customer: Customer) -> None:
    """A wrong method is answered with 405, the Allow header and our page."""
    answer = await customer.http.delete('/terms')
    assert answer.status_code == 405
    assert {*answer.headers['allow'].split(', ')} == {'GET', 'HEAD'}
    assert 'This address does not take that kind of request.' in words(answer.text)


async def test_programs_get_json(customer: Customer) -> None:
    """A missing URL below /api/ is answered with JSON, not with a page."""
    answer = await customer.http.get('/api/nothing')
    assert answer.status_code == 404
    assert answer.headers['content-type'] == 'application/json'


async def test_an_uncaught_exception_shows_only_an_id(customer: Customer) -> None:
    """A route that raises shows the error id and a phone number, never the error's text."""

    async def broken() -> None:
        raise RuntimeError('secret text')

    app.add_api_route('/broken', broken)
    answer = await customer.http.get('/broken')
    assert answer.status_code == 500
    assert re.search(r'Error [0-9a-f]{8}', words(answer.text))
    assert '(202) 555-0143' in words(answer.text)
    assert 'secret text' not in answer.text


async def test_a_broken_page_shows_the_id_that_is_in_the_log(
    customer: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    """A page that raises shows an id; the log has the same id and the cause, the page has no cause."""

    @ui.page('/breaking')
    async def breaking() -> None:
        raise RuntimeError('secret text')

    answer = await customer.http.get('/breaking')
    found = re.search(r'Error ([0-9a-f]{8})', answer.text)
    assert answer.status_code == 500
    assert found is not None
    assert 'secret text' not in answer.text
    assert f'[error {found[1]}]' in caplog.text
    assert 'secret text' in caplog.text


def test_the_operators_text_is_never_html() -> None:
    """Text from site.toml is escaped: none of it becomes an element."""
    site = Site.model_validate(_hostile(load(ROOT / 'site.toml').model_dump()))
    markup = pitch(site) + assurances(site) + sections(site) + closing(site) + footer(site)
    assert '<i>' not in markup
    assert markup.count('&lt;i&gt;') > 40


def _hostile(value: Any) -> Any:
    """Put an element into every free text."""
    if isinstance(value, dict):
        return {name: part if name in PATTERNED else _hostile(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_hostile(part) for part in value)
    return f'<i>{value}' if isinstance(value, str) else value


async def test_search_engines_stay_out_of_a_test_shop(customer: Customer) -> None:
    """A shop with test keys is closed to search engines by robots.txt and by its pages."""
    robots = await customer.http.get('/robots.txt')
    assert 'Disallow: /\n' in robots.text
    assert '<meta name="robots" content="noindex">' in (await customer.http.get('/')).text
    assert '<meta name="robots" content="noindex">' in (await customer.http.get('/terms')).text


class TestLive:
    """A shop with live keys."""

    @pytest.fixture
    def shop(self, shop: Shop) -> Shop:
        """Make the shop's pages take it for a live one."""
        return replace(shop, settings=replace(shop.settings, mode='live'))

    async def test_search_engines_may_read_the_public_pages(self, customer: Customer) -> None:
        """robots.txt closes the pages of orders and of the operator, and nothing else."""
        robots = await customer.http.get('/robots.txt')
        closed = [line for line in robots.text.splitlines() if line.startswith('Disallow')]
        assert closed == ['Disallow: /order', 'Disallow: /admin']
        assert '<meta name="robots"' not in (await customer.http.get('/terms')).text


async def test_the_sitemap_lists_the_public_pages(customer: Customer) -> None:
    """The sitemap is XML and lists the full URL of every public page."""
    answer = await customer.http.get('/sitemap.xml')
    names = '{http://www.sitemaps.org/schemas/sitemap/0.9}loc'
    found = [element.text for element in ElementTree.fromstring(answer.text).iter(names)]
    assert found == [f'http://localhost:3000{path}' for path in ('/', '/terms', '/refunds', '/privacy')]


async def test_the_favicon_is_a_picture(customer: Customer) -> None:
    """The favicon is an SVG in the accent of the site."""
    answer = await customer.http.get('/favicon.svg')
    assert answer.headers['content-type'] == 'image/svg+xml'
    assert ElementTree.fromstring(answer.text).tag == '{http://www.w3.org/2000/svg}svg'


async def test_the_head_names_the_page(customer: Customer) -> None:
    """Title, description, Open Graph and canonical URL are there; URLs come from DOMAIN."""
    page = (await customer.http.get('/', headers={'Host': 'evil.example'})).text
    assert '<title>C&amp;P exam coaching for veterans, one to one · C&amp;P Exam Coaching</title>' in page
    assert '<meta name="description" content="One hour of one-to-one coaching' in page
    assert '<meta property="og:title" content="C&amp;P exam coaching' in page
    assert '<link rel="canonical" href="http://localhost:3000/">' in page
    assert 'evil.example' not in page


@pytest.mark.parametrize(
    'path', ['/', '/terms', '/nowhere', '/order/unknown', '/success', '/?alert=internal']
)
@pytest.mark.parametrize('agent', ['Firefox', 'Googlebot'])
async def test_cloudflare_leaves_our_address_as_it_is(customer: Customer, path: str, agent: str) -> None:
    """Every address in the body of a page, shown or linked, stands between Cloudflare's two comments."""
    answer = await customer.http.get(path, headers={'User-Agent': agent})
    body = answer.text.partition('<body>')[2]
    assert body.count('@coach.example') >= 2
    outside = re.sub('(?s)<!--email_off-->.*?<!--/email_off-->', '', body)
    assert outside.split() == ['</body>', '</html>'] or outside == '</body></html>'


async def test_only_who_may_have_paid_reads_of_a_payment(customer: Customer) -> None:
    """An address that has nothing to do with an order says nothing of one; each links to "I already paid"."""
    for path, said in {
        '/nowhere': False,
        '/a/b': False,
        '/order/x': True,
        '/order/x/y/': True,
    }.items():
        answer = await customer.http.get(path, follow_redirects=True)
        assert answer.status_code == 404
        assert ('If you have paid, your payment is safe' in words(answer.text)) is said
        text = words(answer.text)
        assert 'I already paid: find my order' in text
        assert ('paid' in text.replace('I already paid', '')) is said
