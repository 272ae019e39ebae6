"""``main.py restore FILE``: replace the orders by a backup, while the shop is stopped."""

from datetime import UTC, datetime
from pathlib import Path

from services.database.backup import restore
from services.settings import Settings


def run(settings: Settings, file: Path) -> None:
    """Restore a backup and print what was done."""
    print(restore(settings.database_url, file, now=datetime.now(UTC)))
