"""What rivals say: the shop's own texts, and an order that was paid, from the environment."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).with_name('by_hand')


def texts() -> dict[str, Any]:
    """Read what a page of a rival is filled with; also under a Python that has none of our libraries."""
    site = tomllib.loads(Path(os.environ['SITE_FILE']).read_text(encoding='utf-8'))
    return {
        'site': site,
        'dial': re.sub(r'\D', '', site['contact']['phone']),
        'style': Path(os.environ['STYLE_FILE']).read_text(encoding='utf-8'),
        'price': os.environ['PRICE'],
        'order': os.environ['ORDER'],
        'email': os.environ['EMAIL'],
        'calendar': os.environ['CALENDAR'],
    }
