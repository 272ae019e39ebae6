"""Which routes the product serves, as a shop with made-up keys registers them."""

import json
import subprocess
import sys

from tests.docs.papers import ROOT

PROGRAM = """
"""


def routes_of_the_product() -> set[tuple[str, str]]:
    """Method and path of every route of ours; a process of its own keeps the framework's globals clean."""
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return {(method, path) for method, path in json.loads(done.stdout)}
