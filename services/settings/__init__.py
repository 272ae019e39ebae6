"""The settings: environment and ``.env`` read once, judged all at once, frozen afterwards."""

from services.settings.model import NAMES, Settings, SettingsError
from services.settings.parse import load, parse_settings
from services.settings.urls import LOOPBACK

__all__ = ['LOOPBACK', 'NAMES', 'Settings', 'SettingsError', 'load', 'parse_settings']
