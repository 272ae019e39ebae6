"""The texts that a start shows: those of the newest version, with the rules of the file."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from services.ledger import VersionState
from services.settings import parse_settings
from services.shop import Shop, build
from services.site import PresentSite, SiteProblem, load_file
from services.texts import Texts, read_texts
from tests.processes import ROOT
from tests.services.conftest import Clock, on_both_databases
from tests.services.texts import BY, change

SEED = (ROOT / 'site.toml').read_text(encoding='utf-8')


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    """Return a site.toml of the test's own."""
    path = tmp_path / 'site.toml'
    rewrite(path, SEED)
    return path


@pytest.fixture
def settings_env(settings_env: dict[str, str], site_file: Path) -> dict[str, str]:
    """Return the settings of a shop that reads this file."""
    return settings_env | {'SITE_FILE': str(site_file)}


def rewrite(site_file: Path, text: str) -> None:
    """Change the file, as with a text editor."""
    site_file.write_text(text, encoding='utf-8')


async def restarted(settings_env: dict[str, str], clock: Clock) -> Shop:
    """Open a process that starts now; whoever asks for it closes it."""
    shop = build(parse_settings(settings_env), clock=clock)
    await shop.open()
    return shop


@on_both_databases
async def test_versions_survive_a_restart(shop: Shop, settings_env: dict[str, str], clock: Clock) -> None:
    """A process that starts later shows what was published, with the comments of the file kept."""
    await change(shop, 'start-page', landing__headline='New words')
    later = await restarted(settings_env, clock)
    assert later.site == shop.site
    assert later.texts.shown is not None
    assert later.texts.shown.toml == SEED.replace(shop.texts.file.site.landing.headline, 'New words')
    await later.close()


async def test_a_refused_version_is_left_out(
    shop: Shop, settings_env: dict[str, str], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A start does not fail: the version before it is shown, the log and the health check say why."""
    await change(shop, 'start-page', landing__headline='Good')
    bad = SEED.replace('headline =', 'hedline =')
    seen = (await shop.text_editor.read()).seen
    add = shop.ledger.site_versions.add
    assert await add(seen, VersionState.PUBLISHED, bad, file_digest='', actor=BY)
    with caplog.at_level(logging.WARNING):
        later = await restarted(settings_env, clock)
        await shop.texts.refresh()
    assert 'landing.headline is missing' in caplog.text
    for process in (shop, later):
        assert process.site.landing.headline == 'Good'
        (check,) = [each for each in await process.health() if each.name == 'texts']
        assert 'landing.headline is missing' in check.problem
        assert not check.critical
    await change(later, 'start-page', landing__headline='Better')
    assert (later.texts.problem, later.site.landing.headline) == ('', 'Better')
    await later.close()


async def test_rules_come_from_the_file(
    shop: Shop, settings_env: dict[str, str], site_file: Path, clock: Clock
) -> None:
    """After an edit in the admin, a rule that changes in the file counts, and its words do not."""
    await change(shop, 'start-page', landing__headline='Edited')
    rewrite(site_file, SEED.replace('minutes = 60', 'minutes = 45'))
    later = await restarted(settings_env, clock)
    assert (later.site.offer.minutes, later.catalog.get().minutes) == (45, 45)
    assert later.site.landing.headline == 'Edited'
    assert not later.texts.file_has_changed
    await later.close()


async def test_words_that_change_in_the_file_are_said_and_can_be_used(
    shop: Shop, settings_env: dict[str, str], site_file: Path, clock: Clock
) -> None:
    """The edited texts stay until the operator wants those of the file, which is a new version."""
    await change(shop, 'start-page', landing__headline='Edited')
    rewrite(site_file, SEED.replace('what to expect', 'everything'))
    later = await restarted(settings_env, clock)
    assert (later.site.landing.headline, later.texts.file_has_changed) == ('Edited', True)
    seen = (await later.text_editor.read()).seen
    assert (await later.text_editor.restore(0, seen=seen, actor=BY)).is_done
    assert later.site.landing.headline.endswith('everything')
    assert later.texts.file_has_changed is False
    await shop.texts.refresh()
    assert shop.site.landing.headline.endswith('everything')
    await later.close()


@on_both_databases
async def test_real_customers_read_no_examples(shop: Shop, site_file: Path) -> None:
    """With live keys a start needs texts without examples, from the file or from a version.

    What checks the settings without a running shop says the same.
    """
    unstarted = replace(shop.settings, mode='live')
    with pytest.raises(SiteProblem, match=r'\[contact\] phone is .* an example'):
        await asyncio.to_thread(read_texts, unstarted)
    live = Texts(shop.ledger, load_file(site_file), PresentSite(shop.site), live=True)
    with pytest.raises(SiteProblem, match=r'\[contact\] phone is .* an example'):
        await live.open()
    await change(
        shop,
        'business',
        contact__email='sam@paidslot.io',
        contact__phone='+1 202 456 1111',
        contact__hours='Always',
    )
    await live.open()
    assert live.shown is not None
    assert live.example_problems(shop.site) == ()
    assert await asyncio.to_thread(read_texts, unstarted) == shop.site
    found = live.example_problems(shop.texts.file.site)
    assert [problem.place for problem in found] == [('contact', name) for name in ('email', 'phone', 'hours')]
