"""Starts the emulator as its own command does, with a server that leaves idle connections open.

After five seconds it would close one, also when a request has just come in by it: that is done, its answer is
lost, and the SDK's second try is told that what it makes is there already.
"""

import sys

from hypercorn.config import Config
from ministack.app import main

# Longer than any test; the SDK closes what it does not use after 90 seconds.
Config.keep_alive_timeout = 3600

if __name__ == "__main__":
    sys.exit(main())
