"""The reading of documents finds what is there: the tests that rest on it can fail."""

from tests.docs import documents

README = """
# Shop
| name | meaning |
|---|---|
| `NOT_HERE` | outside the section |
## Settings
| name | needed | meaning |
|---|---|---|
| `HOST`, `PORT` | no | where to listen, see `DOMAIN` |
## Start
```sh
$ make demo
python main.py serve
```
Then `make test`, see [the shape](ARCHITECTURE.md#layers), ![](docs/shot.png), [Stripe](https://stripe.com).
"""


def test_settings_are_the_first_cells_of_their_section() -> None:
    """Names are read from the settings section's first column only, with the other columns."""
    columns = ('no', 'where to listen, see `DOMAIN`')
    assert documents.settings_table(README) == {'HOST': columns, 'PORT': columns}


def test_the_example_comments_out_what_is_rare() -> None:
    """A setting that is needed stands without a value, one that is rarely set is commented out."""
    lines = documents.env_example().splitlines()
    assert {'STRIPE_SECRET_KEY=', 'DOMAIN=http://localhost:3000', '#PORT=3000'} <= set(lines)


def test_routes_have_a_method() -> None:
    """One row may name several methods; none means GET."""
    text = '## Routes\n| `GET/HEAD /` | x |\n| `POST /checkout`, `/terms` | see `/other` |\n'
    text += '| `/order/<token>` | x |\n| `/success?session_id=…` | x |\n'
    assert documents.routes_in_table(text) == {
        ('GET', '/'),
        ('HEAD', '/'),
        ('POST', '/checkout'),
        ('GET', '/terms'),
        ('GET', '/order/{token}'),
        ('GET', '/success'),
    }


def test_commands_are_read_from_blocks_and_lines() -> None:
    """Fenced blocks and inline commands are both found."""
    assert documents.commands(README) == ['make demo', 'python main.py serve', 'make test']


def test_targets_are_read() -> None:
    """A target with prerequisites counts, a variable and a recipe do not."""
    assert documents.make_targets('PY := x\nrun: setup ## go\n\techo a: b\n') == {'run'}


def test_links_are_files() -> None:
    """Links to the net are left out, fragments are cut."""
    assert documents.links(README) == {'ARCHITECTURE.md', 'docs/shot.png'}
