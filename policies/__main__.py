"""What the engine starts for `pulumi preview --policy-pack policies`, and for `pulumi up` likewise."""

import sys
from pathlib import Path

# Started as a folder, Python looks for modules in this one first; the package is found from the one above.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place).resolve() != HERE)]

from policies.analyzer import serve  # noqa: E402 - needs the path above

serve()
