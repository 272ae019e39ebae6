"""The settings and the texts of the site: every problem is a finding of its own."""

from collections.abc import Iterator, Mapping

from services import site
from services.check.finding import Finding, ok, warning, wrong
from services.ledger import read_kept_settings
from services.settings import Settings, SettingsError, env_file, load, warnings
from services.site import Site, SiteProblem
from services.site.examples import examples_in
from services.texts import read_texts

PART, SITE = 'settings', 'site'
WHERE = '. Where to find it: '


def read_settings(environ: Mapping[str, str]) -> tuple[list[Finding], Settings | None, Site | None]:
    """Read settings and texts as a start does; return what is wrong with them, and what could be read.

    Args:
        environ: the process environment.
    """
    try:
        path = env_file(environ)
        settings = load(environ, path, kept=read_kept_settings)
        found = [
            warning(PART, each, f'Look at {path} and at the environment.') for each in warnings(environ, path)
        ]
    except SettingsError as error:
        texts = _texts_of(error)
        return [*map(_problem, error.problems), *texts], None, None
    found += advice(settings)
    try:
        texts_read = read_texts(settings)
    except SiteProblem as error:
        return found + [_problem_of_site(each) for each in error.problems], settings, None
    return [*found, *check_texts(settings, texts_read)], settings, texts_read


def advice(settings: Settings) -> list[Finding]:
    """Say that the settings can be used, and what is missing in them that most shops want."""
    return [
        ok(PART, f'every setting can be used; the shop is at {settings.domain}'),
        *_recommended(settings),
    ]


def check_texts(settings: Settings, texts: Site) -> list[Finding]:
    """Say that the texts can be used, and which of them are examples."""
    examples = examples_in(texts)
    if not examples:
        return [ok(SITE, 'every text can be used')]
    return [
        warning(
            SITE,
            f'the texts still hold examples: {"; ".join(examples)}',
            f'Write your own in the admin (Texts) or in {settings.site_file}. '
            'With a live Stripe key the shop does not start with examples.',
        )
    ]


def _recommended(settings: Settings) -> Iterator[Finding]:
    if not settings.admin_password:
        yield warning(
            PART,
            'ADMIN_PASSWORD is not set: there are no pages on which you see and run the shop',
            'Set ADMIN_PASSWORD to at least 12 characters and restart; then sign in at DOMAIN/admin.',
        )
    if settings.smtp_url and not settings.operator_email:
        yield warning(
            PART,
            'OPERATOR_EMAIL is not set: nobody is told by mail what needs a hand',
            'Set OPERATOR_EMAIL to your own address and restart.',
        )


def _texts_of(error: SettingsError) -> list[Finding]:
    """Read the texts where the settings are wrong, so that both are repaired at once."""
    try:
        site.load(error.site_file, live=error.live)
    except SiteProblem as problems:
        return [_problem_of_site(each) for each in problems.problems]
    return []


def _problem(text: str) -> Finding:
    what, _, where = text.partition(WHERE)
    return wrong(
        PART, what, f'Where to find it: {where}' if where else 'Set it in .env or in the environment.'
    )


def _problem_of_site(text: str) -> Finding:
    return wrong(SITE, text, 'Open the file in a text editor, change that place and save it as UTF-8.')
