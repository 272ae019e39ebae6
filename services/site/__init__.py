"""The texts of the site, read from ``site.toml``."""

from services.site.colour import NIGHT, PAPER, contrast
from services.site.load import SiteProblem, load, read
from services.site.model import Contact, Legal, Look, Product, Section, Site

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
    'read',
]
