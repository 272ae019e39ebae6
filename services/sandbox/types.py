"""The type of all JSON objects and form parameters in the sandbox."""

from typing import Any

Json = dict[str, Any]
