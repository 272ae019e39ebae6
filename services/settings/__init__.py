"""The settings: read once from the environment and ``.env``, with every problem reported at once."""

from services.settings.env_file import env_file, warnings
from services.settings.mail import SmtpServer
from services.settings.model import Settings, SettingsError
from services.settings.parse import load, parse_settings
from services.settings.parsers import is_port
from services.settings.place import HOME, how_to_run
from services.settings.table import NAMES, SETTINGS, Setting
from services.settings.urls import LOOPBACK

__all__ = [
    'HOME',
    'LOOPBACK',
    'NAMES',
    'SETTINGS',
    'Setting',
    'Settings',
    'SettingsError',
    'SmtpServer',
    'env_file',
    'how_to_run',
    'is_port',
    'load',
    'parse_settings',
    'warnings',
]
