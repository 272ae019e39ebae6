"""Compare a ledger with a million orders and one with a thousand. Run: ``python -m benchmarks.ledger``."""

import asyncio

from benchmarks.ledger import large_ledger
from benchmarks.shared import results

if __name__ == '__main__':
    results.write(large_ledger.TITLE, asyncio.run(large_ledger.measure()))
