"""`python -m app.sample catalogue` writes the sample catalogue to standard output; `media DIR` draws its pictures."""

import sys
from pathlib import Path

from app.sample import catalogue, media

USAGE = "usage: python -m app.sample catalogue > FILE.csv | python -m app.sample media DIRECTORY"

match sys.argv[1:]:
    case ["catalogue"]:
        catalogue.write(sys.stdout)
    case ["media", folder]:
        print(f"{media.draw_all(Path(folder))} pictures drawn in {folder}")
    case _:
        sys.exit(USAGE)
