"""Measure the webhook endpoint: its rate, and a burst. Run: ``python -m benchmarks.webhooks``."""

import argparse
import asyncio

from benchmarks.shared import results
from benchmarks.webhooks import burst, rate

if __name__ == '__main__':
    options = argparse.ArgumentParser(prog='python -m benchmarks.webhooks', description=__doc__)
    options.add_argument('--only', choices=('rate', 'burst'), help='one of the two measurements')
    only = options.parse_args().only
    if only != 'burst':
        results.write(rate.TITLE, asyncio.run(rate.measure()))
    if only != 'rate':
        results.write(burst.TITLE, asyncio.run(burst.measure()))
