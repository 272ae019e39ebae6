"""Measure ledgers with a million orders. Run: ``python -m benchmarks.ledger [size|admin]``."""

import argparse
import asyncio

from benchmarks.ledger import admin_reads, large_ledger
from benchmarks.shared import results

PARTS = {'size': large_ledger, 'admin': admin_reads}

if __name__ == '__main__':
    options = argparse.ArgumentParser(prog='python -m benchmarks.ledger', description=__doc__)
    options.add_argument('parts', nargs='*', choices=[*PARTS, []], metavar='PART', help='size, admin; all')
    for part in options.parse_args().parts or PARTS:
        results.write(PARTS[part].TITLE, asyncio.run(PARTS[part].measure()))
