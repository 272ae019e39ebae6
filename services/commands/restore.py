"""``main.py restore FILE``: replace the orders by a backup, while the shop is stopped."""

from datetime import UTC, datetime
from pathlib import Path

from services.database.backup import restore


def run(database_url: str, file: Path) -> None:
    """Restore a backup and print what was done."""
    print(restore(database_url, file, now=datetime.now(UTC)))
