"""``main.py backup FILE``: copy the orders, also while the shop is running."""

from pathlib import Path

from services.database.backup import backup
from services.settings import Settings


def run(settings: Settings, file: Path) -> None:
    """Write a backup into a new file and print what was done."""
    print(backup(settings.database_url, file))
