"""``main.py backup FILE``: copy the orders, also while the shop is running."""

from pathlib import Path

from services.database.backup import backup


def run(database_url: str, file: Path) -> None:
    """Write a backup into a new file and print what was done."""
    print(backup(database_url, file))
