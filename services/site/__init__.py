"""The texts of the site, read from ``site.toml``, and how they are edited."""

from services.site.colour import DARK_CONTRAST, NIGHT, PAPER, contrast
from services.site.examples import example_places, examples_in
from services.site.load import (
    EXAMPLE,
    PlaceProblem,
    SiteFile,
    SiteProblem,
    load,
    load_file,
    read,
    refuse_examples,
    validate,
)
from services.site.model import Business, Contact, Legal, Place, Privacy, Product, Section, Site, Theme
from services.site.present import PresentSite
from services.site.rules import digest_of_words, with_rules_of

__all__ = [
    'DARK_CONTRAST',
    'EXAMPLE',
    'NIGHT',
    'PAPER',
    'Business',
    'Contact',
    'Legal',
    'Place',
    'PlaceProblem',
    'PresentSite',
    'Privacy',
    'Product',
    'Section',
    'Site',
    'SiteFile',
    'SiteProblem',
    'Theme',
    'contrast',
    'digest_of_words',
    'example_places',
    'examples_in',
    'load',
    'load_file',
    'read',
    'refuse_examples',
    'validate',
    'with_rules_of',
]
