"""The admin: what the operator sees and does, without pages."""

from services.admin.actions import Actions, RefundReason, Result, build_actions

__all__ = ['Actions', 'RefundReason', 'Result', 'build_actions']
