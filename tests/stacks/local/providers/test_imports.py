"""Providers run in threads of one process, the first of them all at once."""

import subprocess
import sys

from ci.toolchain.cache import CHECKOUT

# Each import in a thread of its own, as an update's first resources do it.
ALL_AT_ONCE = """
import importlib, sys, threading

barrier, errors = threading.Barrier(12), []

def use(name, of_docker):
    barrier.wait()
    try:
        importlib.import_module(f"stacks.local.providers.{name}")
        importlib.import_module(of_docker)
        importlib.import_module("stacks.local.providers.engine")
    except ImportError as error:
        errors.append(error)

pairs = [("admission", "docker.errors"), ("one_shot", "docker.types"), ("volume_files", "docker.types")] * 4
threads = [threading.Thread(target=use, args=pair) for pair in pairs]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(str(errors[0]) if errors else 0)
"""


def test_none_finds_a_library_that_another_has_imported_by_half() -> None:
    for _ in range(8):
        done = subprocess.run(
            [sys.executable, "-c", ALL_AT_ONCE], cwd=CHECKOUT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
