"""What several test modules use lives outside them: in factories, a conftest, or a helper module."""

import re

from tests.architecture.source import imported_names, python_files

TEST_MODULE = re.compile(r'tests\.(\w+\.)*test_\w+')


def test_no_test_module_is_imported() -> None:
    """A test module holds tests; nothing imports from it, so it can be moved or split alone."""
    found = [
        f'{path}: imports {name}'
        for path in python_files('tests')
        for name in sorted(imported_names(path))
        if TEST_MODULE.match(name)
    ]
    assert not found, '\n' + '\n'.join(found)
