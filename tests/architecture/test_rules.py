"""Each rule of the tree finds what breaks it, and lets pass what does not."""

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.architecture import effects, rules
from tests.architecture.source import Module

Rule = Callable[[Module], Iterator[str]]


def broken(rule: Rule, path: str, text: str) -> list[str]:
    """What a rule says about a snippet, as if it stood at ``path``."""
    return list(rule(Module(Path(path), dedent(text))))


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('services/money.py', 'from services.orders import Order'),
        ('services/orders.py', 'from services import ledger'),
        ('services/payments.py', 'import services.ledger'),
        ('services/payments/client.py', 'from ..scheduling import Scheduling'),
        ('services/payments/__init__.py', 'from .. import mail'),
        ('services/mail.py', 'from .ledger import Ledger'),
        ('services/checkout.py', 'def start():\n    from services.shop import Shop'),
        ('services/desk.py', 'import importlib\nimportlib.import_module("services.webhooks")'),
        ('services/checkout.py', 'import ui.landing'),
        ('services/checkout.py', 'from ui import landing'),
        ('services/checkout.py', 'import services'),
        ('services/checkout.py', 'from services import *'),
        ('services/novelty.py', 'from services.errors import ShopError'),
        ('services/shop.py', 'from services.novelty import thing'),
        ('services/logs.py', 'from services.orders import Order'),
        ('services/sandbox/app.py', 'from services.money import Money'),
        ('services/sandbox/app.py', 'from .. import settings'),
        ('ui/landing.py', 'from services import ledger'),
        ('ui/landing.py', 'from services.checkout import Checkout'),
        ('ui/landing.py', 'import services'),
        (
            'ui/landing.py',
            'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from services import desk',
        ),
    ],
)
def test_an_arrow_the_wrong_way_is_found(path: str, text: str) -> None:
    """Each way of importing upwards, sideways or around is found, with its line."""
    (problem,) = broken(rules.arrows, path, text)
    last = len(text.splitlines())
    assert problem.startswith(f'{path}:{last}: ')


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('services/ledger.py', 'from services.schema import orders'),
        ('services/payments/client.py', 'from .errors import sort\nfrom services.errors import ShopError'),
        (
            'services/payments/__init__.py',
            'from .client import Client\nfrom services.settings import Settings',
        ),
        ('services/fulfilment.py', 'from services import ledger, logs, payments'),
        ('services/sandbox/app.py', 'from services.sandbox.state import State\nfrom .pages import page'),
        (
            'ui/landing.py',
            'from services.shop import Shop\nfrom services import money\nfrom ui.theme import css',
        ),
        ('services/errors.py', 'from services.money import Money'),
    ],
)
def test_an_arrow_the_right_way_passes(path: str, text: str) -> None:
    """Imports downwards, and inside one part, are no problem."""
    assert broken(rules.arrows, path, text) == []


@pytest.mark.parametrize(
    ('path', 'text'),
    [
        ('services/webhooks.py', 'import stripe'),
        ('services/webhooks.py', 'from stripe import Webhook'),
        ('services/sandbox/app.py', 'import stripe'),
        ('ui/landing.py', 'def pay():\n    import stripe.error'),
        ('services/orders.py', 'from sqlalchemy import select'),
        ('services/shop.py', 'import alembic.command'),
        ('services/shop.py', 'from nicegui import ui'),
        ('services/checkout.py', 'from services import sandbox'),
        ('ui/landing.py', 'from services.sandbox.app import build'),
    ],
)
def test_a_foreign_importer_is_found(path: str, text: str) -> None:
    """A vendor's library outside its one module is found."""
    assert len(broken(rules.owners, path, text)) == 1


@pytest.mark.parametrize('path', ['services/payments.py', 'services/payments/sessions.py'])
def test_the_owner_may_import(path: str) -> None:
    """A module and a package of the same name own the library alike."""
    assert broken(rules.owners, path, 'import stripe') == []


@pytest.mark.parametrize(
    'text',
    [
        "ui.add_body_html('<script>alert(1)</script>')",
        "ui.add_head_html('<SCRIPT src=x>')",
        "ui.run_javascript('1')",
        "button.on('click', js_handler='() => 1')",
        """html = '<a href="/" onclick="pay()">pay</a>'""",
    ],
)
def test_script_is_found(text: str) -> None:
    """Every way of writing script into a page is found."""
    assert len(broken(rules.no_script, 'ui/landing.py', text)) == 1


def test_json_ld_is_data() -> None:
    """Structured data for search engines is no script of ours."""
    assert broken(rules.no_script, 'ui/seo.py', """X = '<script type="application/ld+json">{}'""") == []


@pytest.mark.parametrize(
    'text',
    [
        'start()',
        'engine = create_engine(url)',
        'client: Client = httpx.Client()',
        'names = tuple(read(name) for name in folder)',
        'text = Path(__file__).read_text()',
        'for name in NAMES:\n    pass',
        'if os.environ.get("X"):\n    Y = 1',
        'with lock:\n    pass',
        'class Shop:\n    client = connect()',
        'class Shop:\n    def __init__(self): ...\nSHOP = Shop()',
        '@app.get("/")\ndef index() -> None: ...',
        "@ui.page('/')\nasync def index() -> None: ...",
        'def now(at=datetime.now()) -> None: ...',
        'app = FastAPI()',
    ],
)
def test_an_effect_on_import_is_found(text: str) -> None:
    """A call, a loop or a registration at the top of a module is found."""
    assert len(broken(effects.nothing_on_import, 'services/shop.py', text)) == 1


def test_constants_are_no_effect() -> None:
    """Imports, constants, values of own classes, functions, classes and the main guard may stand there."""
    text = '''
        """Owns nothing."""
        import re
        from dataclasses import dataclass, field
        NAME = re.compile('x')
        WORDS = frozenset('a b'.split())
        LATER = lambda: start()
        @dataclass(frozen=True)
        class Card:
            names: list[str] = field(default_factory=list)
        CARDS = (Card(['a']), *(Card([str(i)]) for i in range(3)))
        def start() -> None:
            print()
        if __name__ == '__main__':
            start()
    '''
    assert broken(effects.nothing_on_import, 'services/shop.py', text) == []


def test_own_makers_are_no_effect() -> None:
    """A function of ours that only makes a value may fill a constant, one that does more may not."""
    pure = 'def pair(a):\n    def inner():\n        print(a)\n    return inner\nX = pair(1)'
    assert broken(effects.nothing_on_import, 'services/a.py', pure) == []
    assert (
        len(broken(effects.nothing_on_import, 'services/a.py', 'def pair():\n    connect()\nX = pair()')) == 1
    )


def test_tables_are_values_only_in_the_schema() -> None:
    """A table at the top of a module is right in the schema and wrong elsewhere."""
    text = 'metadata = MetaData()'
    assert broken(effects.nothing_on_import, 'services/schema.py', text) == []
    assert len(broken(effects.nothing_on_import, 'services/orders.py', text)) == 1


def test_length_is_counted() -> None:
    """A function of 46 lines and a file of 251 are too long, one line less is not."""
    function = 'def f() -> None:\n' + '    pass\n' * (rules.LONGEST_FUNCTION - 1)
    assert broken(rules.short, 'ui/a.py', function) == []
    assert len(broken(rules.short, 'ui/a.py', function + '    pass\n')) == 1
    assert broken(rules.short, 'ui/a.py', '\n' * rules.LONGEST_FILE) == []
    assert len(broken(rules.short, 'ui/a.py', '\n' * (rules.LONGEST_FILE + 1))) == 1


@pytest.mark.parametrize('text', ['X = 1', '""', '"""   """'])
def test_a_missing_docstring_is_found(text: str) -> None:
    """A module without an opening sentence is found."""
    assert len(broken(rules.docstring, 'ui/a.py', text)) == 1


@pytest.mark.parametrize('text', ['x = 1  # TODO later', 'raise NotImplementedError'])
def test_a_forbidden_word_is_found(text: str) -> None:
    """What is unfinished is found."""
    assert len(broken(rules.no_forbidden_words, 'services/a.py', text)) == 1


def test_a_test_without_claim_is_found() -> None:
    """A test that does not say what it claims is found."""
    assert len(broken(rules.tests_state_their_claim, 'tests/a.py', 'def test_x():\n    assert True')) == 1


@pytest.mark.parametrize('text', ['time.sleep(1)', 'await asyncio.sleep(0.1)', 'page.wait_for_timeout(500)'])
def test_a_sleeping_test_is_found(text: str) -> None:
    """Each way of sleeping is found, giving way to other tasks is not."""
    assert len(broken(rules.no_sleep, 'tests/e2e/test_a.py', text)) == 1
    assert broken(rules.no_sleep, 'tests/e2e/test_a.py', 'await asyncio.sleep(0)') == []
