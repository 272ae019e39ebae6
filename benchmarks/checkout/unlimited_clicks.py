"""Run the shop without limits for clicks, to measure what a click costs."""

import sys

import main
from services import fuse, shop

NO_LIMIT = 10**9

if __name__ == '__main__':
    shop.STARTS = dict.fromkeys(shop.STARTS, f'{NO_LIMIT}/second')
    fuse.SESSIONS = NO_LIMIT
    main.main(sys.argv[1:])
