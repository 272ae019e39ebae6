"""What the other sites show: the texts of the shop, and a paid order, both from the environment."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).with_name('templates')


def values() -> dict[str, Any]:
    """Read the values that fill a template; needs the standard library only."""
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
