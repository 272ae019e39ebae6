"""The admin: what the operator sees and does there."""
