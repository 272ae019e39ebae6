"""What several test modules use lives outside them: in factories, a conftest, or a helper module."""

import re

from tests.architecture.source import imports, modules

TEST_MODULE = re.compile(r'tests\.(\w+\.)*test_\w+')


def test_no_test_module_is_imported() -> None:
    """A test module holds tests; nothing imports from it, so it can be moved or split alone."""
    found = [
        f'{module.path.as_posix()}:{found.line}: imports {found.name}'
        for module in modules('tests')
        for found in imports(module)
        if TEST_MODULE.match(found.name)
    ]
    assert not found, '\n' + '\n'.join(found)
