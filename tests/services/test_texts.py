"""Texts that are edited in the admin: versions in the ledger, which every process shows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from services import texts as module
from services.admin.texts import Outcome
from services.database import schema
from services.ledger import SiteVersion
from services.orders import Order
from services.settings import parse_settings
from services.shop import Shop, build
from services.site.fields import BY_SLUG
from tests.processes import wait_until
from tests.sandbox_client import SandboxClient
from tests.services.conftest import Clock, Customer, fulfilled, on_both_databases
from tests.services.mailing import send_all
from tests.services.texts import ALSO, BY, change, publish, save

HEADLINE: tuple[str, ...] = ('landing', 'headline')
QUESTIONS = ('landing', 'questions')


@pytest.fixture
def settings_env(settings_env: dict[str, str], sandbox: SandboxClient) -> dict[str, str]:
    """Return the settings of a shop that mails to the sandbox."""
    return settings_env | sandbox.mail_settings


@pytest.fixture
async def other(shop: Shop, settings_env: dict[str, str], clock: Clock) -> AsyncIterator[Shop]:
    """Open a second process on the same database."""
    other = build(parse_settings(settings_env), clock=clock)
    await other.open()
    yield other
    await other.close()


async def journal(shop: Shop) -> list[tuple[str, str]]:
    """Return who did what in the admin, newest first."""
    return [(line.actor, line.line) for line in await shop.ledger.admin_journal.newest(limit=20)]


async def rows(shop: Shop) -> int:
    """How many versions are stored."""
    (row,) = await shop.ledger.store.read(select(func.count()).select_from(schema.site_versions))
    return int(row[0])


@on_both_databases
async def test_a_draft_is_seen_by_nobody_and_a_publication_by_all(shop: Shop, other: Shop) -> None:
    """A saved draft changes no process; once it is published both show it, and the journal says so."""
    before = shop.site
    assert (await save(shop, 'start-page', landing__headline='New words')).is_done
    for process in (shop, other):
        await process.texts.refresh()
        assert process.site is (before if process is shop else other.site)
        assert process.site.landing.headline == before.landing.headline
    assert (await publish(shop)).is_done
    assert shop.site.landing.headline == 'New words'
    await other.texts.refresh()
    assert other.site == shop.site
    assert await journal(shop) == [(BY, 'texts published: Headline')]


async def test_another_process_shows_it_within_seconds(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks by itself; the constant is patched only to look more often."""
    monkeypatch.setattr(module, 'READ_EVERY', 0.05)
    other.texts.start()
    await change(shop, 'start-page', landing__headline='New words')
    is_shown = lambda: other.site.landing.headline == 'New words'  # noqa: E731
    await asyncio.to_thread(wait_until, is_shown, seconds=20, why='the other process shows it')
    await other.texts.stop()
    assert other.texts.shown == shop.texts.shown


async def test_a_publication_reaches_stripe_calendly_and_mail(
    shop: Shop, customer: Customer, paid: Order
) -> None:
    """Name, colour and title are those of now; an order keeps the title with which it was bought."""
    await change(shop, 'business', business__name='Other <b>name</b>', contact__phone='+1 202 456 1111')
    await change(shop, 'colour', theme__accent='#4a148c')
    await change(shop, 'offer', offer__name='Other session', offer__refund_rule='No refund.')
    await customer.start(again=True)
    branding = customer.sandbox.state()['sessions'][-1]['branding_settings']
    assert (branding['display_name'], branding['button_color']) == ('Other <b>name</b>', '#4a148c')
    assert shop.catalog.get().title == 'Other session'
    assert 'primary_color=4a148c' in (await shop.calendar.url(paid) or '')
    await send_all(shop)
    (mail,) = customer.sandbox.mails()
    assert 'Other <b>name</b>' in mail['text']
    assert 'Other &lt;b&gt;name&lt;/b&gt;' in mail['html']
    assert '<b>name</b>' not in mail['html']
    assert '+1 202 456 1111' in mail['text']
    assert '#4a148c' in mail['html']
    assert 'C&P coaching session, 60 minutes' in mail['text']
    assert paid.purchase.title == 'C&P coaching session'


async def test_a_slow_look_does_not_bring_an_old_version_back(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two looks at once: the one that has read less ends last, and changes nothing.

    `published` is replaced only to let the second version be published and shown in between.
    """
    await change(shop, 'start-page', landing__headline='One')
    published = other.ledger.site_versions.published

    async def slowly(*, after: int = 0, limit: int) -> tuple[SiteVersion, ...]:
        found = await published(after=after, limit=limit)
        monkeypatch.undo()
        await change(shop, 'start-page', landing__headline='Two')
        await other.texts.refresh()
        return found

    monkeypatch.setattr(other.ledger.site_versions, 'published', slowly)
    await other.texts.refresh()
    assert other.site.landing.headline == 'Two'


@on_both_databases
async def test_whoever_comes_second_is_told(shop: Shop, other: Shop) -> None:
    """Two operators have seen the same texts: the second saving, publishing and discarding does nothing."""
    section = BY_SLUG['start-page']
    assert (await shop.text_editor.save(section, {HEADLINE: 'One'}, seen=0, actor=BY)).is_done
    late = await other.text_editor.save(section, {HEADLINE: 'Two'}, seen=0, actor=ALSO)
    assert late.is_conflict
    assert (await other.text_editor.read()).site.landing.headline == 'One'
    for action in (other.text_editor.publish, other.text_editor.discard):
        assert (await action(seen=0, actor=ALSO)).is_conflict
    assert (await other.text_editor.restore(0, seen=0, actor=ALSO)).is_conflict
    assert (shop.texts.shown, await journal(shop)) == (None, [])


async def test_what_is_published_while_a_page_is_built_is_not_overwritten(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has either seen it, or is refused. `newest` is replaced only to publish at that moment."""
    newest = other.ledger.site_versions.newest

    async def slowly() -> SiteVersion | None:
        monkeypatch.undo()
        await change(shop, 'start-page', landing__headline='First')
        return await newest()

    monkeypatch.setattr(other.ledger.site_versions, 'newest', slowly)
    page = await other.text_editor.read()
    assert page.site.landing.headline == 'First' or page.seen < (await other.text_editor.read()).seen


@on_both_databases
async def test_of_many_at_once_one_wins(shop: Shop, other: Shop) -> None:
    """Six save at the same time in two processes: one draft, and it is whole."""
    section = BY_SLUG['start-page']
    outcomes = await asyncio.gather(
        *(
            process.text_editor.save(section, {HEADLINE: f'{number}'}, seen=0, actor=BY)
            for number, process in enumerate((shop, other) * 3)
        )
    )
    assert [outcome.is_done for outcome in outcomes].count(True) == 1
    winner = next(number for number, outcome in enumerate(outcomes) if outcome.is_done)
    assert (await shop.text_editor.read()).site.landing.headline == str(winner)
    assert await rows(shop) == 1


@on_both_databases
async def test_a_discarded_draft_does_not_come_back(shop: Shop) -> None:
    """Its page, left open elsewhere, can neither publish nor change a draft that was begun after it."""
    await save(shop, 'start-page', landing__headline='Bad')
    seen = (await shop.text_editor.read()).seen
    assert (await shop.text_editor.discard(seen=seen, actor=BY)).is_done
    assert (await shop.text_editor.read()).draft is None
    await save(shop, 'start-page', landing__headline='Good')
    assert (await shop.text_editor.publish(seen=seen, actor=ALSO)).is_conflict
    assert (await publish(shop)).is_done
    assert shop.site.landing.headline == 'Good'
    assert [line for _, line in await journal(shop)] == [
        'texts published: Headline',
        'draft of the texts discarded',
    ]


@on_both_databases
async def test_an_earlier_version_is_published_again_as_a_new_one(shop: Shop, other: Shop) -> None:
    """Undo: the words of the version are shown again everywhere; the list says who changed what and when."""
    await change(shop, 'start-page', landing__headline='One')
    first = shop.texts.shown
    assert first is not None
    await change(shop, 'start-page', landing__headline='Two')
    seen = (await shop.text_editor.read()).seen
    assert (await shop.text_editor.restore(first.version, seen=seen, actor=ALSO)).is_done
    await other.texts.refresh()
    assert shop.site.landing.headline == other.site.landing.headline == 'One'
    listed = await shop.text_editor.versions()
    assert [(each.actor, each.is_shown) for each in listed] == [
        (ALSO, True),
        (BY, False),
        (BY, False),
        ('', False),
    ]
    assert [(c.before, c.after) for c in listed[0].changes] == [('Two', 'One')]
    assert (await journal(shop))[0] == (ALSO, f'texts of version {first.version} published again: Headline')


async def test_a_draft_stands_in_the_way_of_undo(shop: Shop) -> None:
    """What somebody has typed is not thrown away by going back: it must be published or discarded first."""
    await change(shop, 'start-page', landing__headline='One')
    await save(shop, 'questions', landing__questions=[])
    seen = (await shop.text_editor.read()).seen
    assert (await shop.text_editor.restore(0, seen=seen, actor=BY)) == Outcome(
        refusal='publish or discard the draft first'
    )
    assert (await shop.text_editor.read()).site.landing.questions == ()


@on_both_databases
async def test_what_is_not_there_is_nobodys_fault(shop: Shop) -> None:
    """An unknown version is no conflict with somebody who has written, nor is a draft that is not there."""
    await change(shop, 'start-page', landing__headline='One')
    seen = (await shop.text_editor.read()).seen
    outcome = await shop.text_editor.restore(4711, seen=seen, actor=BY)
    assert (outcome, outcome.is_done) == (Outcome(refusal='there is no such version'), False)
    for action in (shop.text_editor.publish, shop.text_editor.discard):
        assert await action(seen=seen, actor=BY) == Outcome(refusal='there is no draft')


async def test_every_wrong_value_is_named(shop: Shop) -> None:
    """Nothing is saved, and each problem has the place of its field."""
    outcome = await save(
        shop,
        'business',
        business__name='',
        business__description='x' * 201,
        business__timezone='Eastern',
        contact__email='hello',
        contact__phone='call',
        contact__hours='two\nlines',
    )
    assert {problem.place: problem.words for problem in outcome.problems} == {
        ('business', 'name'): ' must not be empty',
        ('business', 'description'): ' must have at most 200 characters',
        (
            'business',
            'timezone',
        ): " is no time zone: 'Eastern'; write its IANA name, such as America/New_York",
        ('contact', 'email'): " does not look right: 'hello'",
        ('contact', 'phone'): " does not look right: 'call'",
        ('contact', 'hours'): " does not look right: 'two\\nlines'",
    }
    pale = await save(shop, 'colour', theme__accent='#9fd6b8')
    assert [problem.words for problem in pale.problems] == [
        ' is hard to read on #fbfaf7: its contrast is 1.6, not 4.5 or more'
    ]
    wrong = await save(shop, 'questions', landing__questions=[{'question': 'a', 'answer': ' '}])
    assert [problem.place for problem in wrong.problems] == [(*QUESTIONS, 0, 'answer')]
    empty = await save(shop, 'terms', terms__sections=[])
    assert [str(problem) for problem in empty.problems] == ['terms.sections needs 1 or more entries']
    assert await rows(shop) == 0


async def test_the_day_below_the_legal_texts_is_that_of_their_change(shop: Shop, clock: Clock) -> None:
    """Other words leave it as it is."""
    day = shop.site.updated
    await change(shop, 'start-page', landing__headline='New words')
    assert shop.site.updated == day
    await change(shop, 'business', business__timezone='Pacific/Kiritimati')
    assert (await shop.reads.overview.read(checks=(), looking=0)).zone == 'Pacific/Kiritimati'
    await change(shop, 'refunds', refunds__title='Money back')
    assert shop.site.updated == clock().astimezone(shop.site.business.zone).date()


async def test_evidence_has_the_terms_of_the_day_of_the_order(
    shop: Shop, customer: Customer, clock: Clock
) -> None:
    """Terms that are changed later are not those that the customer could read."""
    order = await fulfilled(customer, await customer.buy())
    sections = [{'heading': 'New rule', 'text': 'Never heard of before.'}]
    await change(shop, 'terms', terms__sections=sections)
    evidence = await shop.actions.evidence.collect(order)
    assert 'Never heard of before.' not in str(evidence)
    assert 'No promised result' in str(evidence)
    later = replace(order, created_at=clock())
    assert 'Never heard of before.' in str(await shop.actions.evidence.collect(later))
