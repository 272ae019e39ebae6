"""The reading of papers finds what is there, so that the tests that rest on it can fail."""

from tests.docs import papers

README = """
# Shop
| name | meaning |
|---|---|
| `NOT_HERE` | outside the section |
## Settings
| name | meaning |
|---|---|
| `HOST`, `PORT` | where to listen, see `DOMAIN` |
## Start
```sh
$ make demo
python main.py serve
```
Then `make test`, see [the shape](ARCHITECTURE.md#layers), ![](docs/shot.png), [Stripe](https://stripe.com).
"""


def test_settings_are_the_first_cells_of_their_section() -> None:
    """Names are read from the settings section's first column only."""
    assert papers.names_in_settings_table(README) == ['HOST', 'PORT']


def test_env_names_are_read_with_and_without_comment() -> None:
    """A setting counts whether it is set or commented out; prose does not."""
    assert papers.names_in_env_file('# PORT is nice\nHOST=\n#PORT=3000\n') == ['HOST', 'PORT']


def test_routes_have_a_method() -> None:
    """One row may name several methods; none means GET."""
    text = '## Routes\n| `GET/HEAD /` | x |\n| `POST /checkout`, `/terms` | see `/other` |\n'
    text += '| `/order/<token>` | x |\n| `/success?session_id=…` | x |\n'
    assert papers.routes_in_table(text) == {
        ('GET', '/'),
        ('HEAD', '/'),
        ('POST', '/checkout'),
        ('GET', '/terms'),
        ('GET', '/order/{token}'),
        ('GET', '/success'),
    }


def test_commands_are_read_from_blocks_and_lines() -> None:
    """Fenced blocks and inline commands are both found."""
    assert papers.commands(README) == ['make demo', 'python main.py serve', 'make test']


def test_targets_are_read() -> None:
    """A target with prerequisites counts, a variable and a recipe do not."""
    assert papers.make_targets('PY := x\nrun: setup ## go\n\techo a: b\n') == {'run'}


def test_links_are_files() -> None:
    """Links to the net are left out, fragments are cut."""
    assert papers.links(README) == {'ARCHITECTURE.md', 'docs/shot.png'}
