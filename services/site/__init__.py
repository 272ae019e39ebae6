"""The texts of the site, read from ``site.toml``."""

from services.site.model import (
    NIGHT,
    PAPER,
    Contact,
    Legal,
    Look,
    Product,
    Section,
    Site,
    SiteProblem,
    contrast,
    load,
)

__all__ = [
    'NIGHT',
    'PAPER',
    'Contact',
    'Legal',
    'Look',
    'Product',
    'Section',
    'Site',
    'SiteProblem',
    'contrast',
    'load',
]
