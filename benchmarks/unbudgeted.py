"""The shop without its budget: a landing page is built for whoever asks. For measuring what a build costs."""

import sys

import main
from ui import crowd

NO_LIMIT = 10**9

if __name__ == '__main__':
    crowd.BUILDS = crowd.BURST = NO_LIMIT
    crowd.AT_ONCE = crowd.WAITING = NO_LIMIT
    main.main(sys.argv[1:])
