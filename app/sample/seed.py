"""The command `seed`: a shop to look at. Loads the sample catalogue and draws its pictures.

A shop with products of its own is left alone; a seed that was killed is finished by the next.
"""

import sys
from pathlib import Path

from app.catalog import importer
from app.catalog import service as catalog
from app.catalog.drafts import Fault
from app.core.database import open_direct
from app.core.problems import Problem
from app.core.settings import Settings
from app.sample import media
from app.sample.catalogue import generate

CATALOGUE = Path(__file__).with_name("catalogue.csv")


async def run(settings: Settings) -> int:
    """Returns the exit code: 0 when the sample is there, or is not wanted; 1 when it could not be loaded."""
    if settings.media_root is None:
        print("app seed: MEDIA_ROOT is not set: name the folder that the pictures go to", file=sys.stderr)
        return 1
    sample = {product.handle for product in generate()}
    try:
        async with open_direct(settings) as database:
            present = await catalog.list_handles(database)
            if present - sample:
                print("The catalogue has products of its own: the sample is not loaded.")
                return 0
            print(
                f"{media.draw_all(settings.media_root)} pictures drawn in {settings.media_root}", flush=True
            )
            if present == sample:
                print("The sample catalogue is there already.")
                return 0
            faults: list[Fault] = []
            print(await importer.import_file(database, CATALOGUE, faults.append))
    except (Problem, importer.StoppedError, OSError) as error:
        print(f"app seed: the sample could not be loaded: {error}", file=sys.stderr)
        return 1
    for fault in faults:
        print(f"app seed: {CATALOGUE.name}:{fault.line}: {fault.reason}", file=sys.stderr)
    return 1 if faults else 0
