"""The set-up: from two keys and a token to the settings of a shop, a step at a time."""

from services.set_up.access import SetUpAccess
from services.set_up.opening import no_settings, opened
from services.set_up.payment_steps import RESTRICTED_KEY
from services.set_up.refused import TOKEN_SCOPES, Refused
from services.set_up.set_up import Change, SetUp
from services.set_up.steps import Step

__all__ = [
    'RESTRICTED_KEY',
    'TOKEN_SCOPES',
    'Change',
    'Refused',
    'SetUp',
    'SetUpAccess',
    'Step',
    'no_settings',
    'opened',
]
