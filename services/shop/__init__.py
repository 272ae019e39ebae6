"""A shop: what it consists of, and how it is made from the settings."""

from services.booking import WaitsFor
from services.shop.build import build
from services.shop.shop import Shop

__all__ = ['Shop', 'WaitsFor', 'build']
