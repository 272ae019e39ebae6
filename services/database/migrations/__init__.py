"""How the tables of the ledger came to be, step by step, and how a database is taken there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from services.database.schema import UnknownVersion


def upgrade(connection: Connection) -> None:
    """Bring the database behind this connection up to the newest migration.

    Raises:
        UnknownVersion: another version of Paidslot has written it.
    """
    config = _config()
    config.attributes['connection'] = connection
    try:
        command.upgrade(config, 'head')
    except CommandError as error:
        raise UnknownVersion(str(error)) from error


def versions() -> list[str]:
    """Return the versions of the tables, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option('script_location', str(Path(__file__).parent))
    return config
