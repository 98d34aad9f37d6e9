"""`python3 -m ci.toolchain install|doctor|env`: make the toolchain, examine it, print how to use it."""

import sys

# Before any other import, and in the syntax of old: an older interpreter must get this line, not a traceback.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "error: Python 3.11 or newer is needed, this is "
        + sys.version.split()[0]
        + " ("
        + sys.executable
        + "): install it and name it, for example `make PYTHON=python3.13`"
    )

from ci.toolchain.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
