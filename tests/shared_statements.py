"""Compiled statements that the databases of all tests share; every new engine would compile them again."""

from collections import UserDict
from typing import Any

from sqlalchemy import Connection, Engine, event


class SharedStatements(UserDict[Any, Any]):
    """What SQLAlchemy keeps of compiled statements, by the kind of database instead of by the engine.

    A mapping may stand in for an engine's own cache: the execution option ``compiled_cache``
    (docs.sqlalchemy.org, "SQL Compilation Caching").
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        """Return a compiled statement."""
        return self.data.get(_shared(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        """Keep a compiled statement."""
        self.data[_shared(key)] = compiled


def share_statements() -> None:
    """Let every engine of this process use the same compiled statements."""
    statements = SharedStatements()

    def use_shared(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)

    event.listen(Engine, 'engine_connect', use_shared)


def _shared(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return dialect.name, *statement
