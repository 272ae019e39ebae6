"""Where the shop is: relative paths begin there, wherever it was started from (decision 55)."""

from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
"""The folder of main.py."""


def how_to_run(command: str) -> str:
    """Return what to type here for a command of main.py; the image has no Makefile.

    Args:
        command: such as ``demo`` or ``restore FILE``.
    """
    if (HOME / 'Makefile').exists():
        return 'make demo' if command == 'demo' else f'.venv/bin/python main.py {command}'
    if command == 'demo':
        return 'docker run --rm --init --publish 127.0.0.1:3000:3000 paidslot demo'
    return f'docker compose run --rm shop {command}'
