"""The set-up: from two keys and a token to the settings of a shop, a step at a time."""

from services.set_up.access import SetUpAccess
from services.set_up.calendar_steps import SIGNING_KEY
from services.set_up.env_writer import masked
from services.set_up.hold import Elsewhere
from services.set_up.opening import no_settings, opened
from services.set_up.payment_steps import RESTRICTED_KEY, SECRET
from services.set_up.refused import TOKEN_SCOPES, Refused
from services.set_up.set_up import Change, Preview, SetUp, Written
from services.set_up.steps import Step
from services.set_up.webhooks import (
    AT_THE_END,
    WITHOUT_ENDPOINT,
    WITHOUT_SUBSCRIPTION,
    Plan,
    cannot_reach,
)

__all__ = [
    'AT_THE_END',
    'RESTRICTED_KEY',
    'SECRET',
    'SIGNING_KEY',
    'TOKEN_SCOPES',
    'WITHOUT_ENDPOINT',
    'WITHOUT_SUBSCRIPTION',
    'Change',
    'Elsewhere',
    'Plan',
    'Preview',
    'Refused',
    'SetUp',
    'SetUpAccess',
    'Step',
    'Written',
    'cannot_reach',
    'masked',
    'no_settings',
    'opened',
]
