"""The stacks of the compose files, run without Docker: what customers notice when a part of them fails."""
