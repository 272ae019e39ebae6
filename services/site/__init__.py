"""The texts of the site, read from ``site.toml``."""

from services.site.colour import DARK_CONTRAST, NIGHT, PAPER, contrast
from services.site.examples import examples_in
from services.site.load import SiteProblem, load, read
from services.site.model import Business, Contact, Legal, Product, Section, Site, Theme

__all__ = [
    'DARK_CONTRAST',
    'NIGHT',
    'PAPER',
    'Business',
    'Contact',
    'Legal',
    'Product',
    'Section',
    'Site',
    'SiteProblem',
    'Theme',
    'contrast',
    'examples_in',
    'load',
    'read',
]
