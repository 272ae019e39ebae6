"""The settings: read once from the environment and ``.env``, with every problem reported at once."""

from services.settings.model import Settings, SettingsError
from services.settings.parse import load, parse_settings
from services.settings.table import NAMES, SETTINGS, Setting
from services.settings.urls import LOOPBACK

__all__ = ['LOOPBACK', 'NAMES', 'SETTINGS', 'Setting', 'Settings', 'SettingsError', 'load', 'parse_settings']
