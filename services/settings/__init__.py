"""The settings: environment and ``.env`` read once, judged all at once, frozen afterwards."""

from services.settings.addresses import LOOPBACK
from services.settings.judge import judge, load
from services.settings.model import NAMES, Settings, SettingsError

__all__ = ['LOOPBACK', 'NAMES', 'Settings', 'SettingsError', 'judge', 'load']
