"""The settings: read once from environment, ``.env`` and ledger, with every problem reported at once."""

from services.settings.env_file import env_file, warnings
from services.settings.mail import SmtpServer
from services.settings.model import NO_TEST_CALENDAR, Settings, SettingsError
from services.settings.parse import find_value, load, parse_settings, problem_of, texts
from services.settings.parsers import is_port
from services.settings.place import HOME, how_to_run
from services.settings.table import NAMES, SETTINGS, Setting
from services.settings.urls import LOOPBACK

__all__ = [
    'HOME',
    'LOOPBACK',
    'NAMES',
    'NO_TEST_CALENDAR',
    'SETTINGS',
    'Setting',
    'Settings',
    'SettingsError',
    'SmtpServer',
    'env_file',
    'find_value',
    'how_to_run',
    'is_port',
    'load',
    'parse_settings',
    'problem_of',
    'texts',
    'warnings',
]
