"""Time of `pulumi preview` of an unchanged stack, against starting the CLI and importing the SDK alone.

Goal: at most 5 s. Run it on a stack that is up:

    python -m loadtests.bench.preview_time [STACK]
"""

import subprocess
import sys
from statistics import median
from time import monotonic

from loadtests.stack import pulumi

ROUNDS = 5


def clock(*command: str) -> float:
    begin = monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return monotonic() - begin


def main() -> None:
    stack = sys.argv[1] if len(sys.argv) > 1 else "local"
    previews, starts = [], []
    for _ in range(ROUNDS):
        begin = monotonic()
        pulumi(stack, "preview", "--expect-no-changes")
        previews.append(monotonic() - begin)
        starts.append(
            clock("pulumi", "version") + clock(sys.executable, "-c", "import pulumi, pulumi_docker")
        )
    print(
        f"preview of the unchanged stack {median(previews):.2f} s (goal ≤ 5 s; {min(previews):.2f} to "
        f"{max(previews):.2f}); starting CLI and SDK alone {median(starts):.2f} s; "
        f"ratio {median(previews) / median(starts):.1f}"
    )


if __name__ == "__main__":
    main()
