"""`make login`: a one-time link to a stack's back office, printed here and nowhere else.

It is made in a running worker or web container, which can reach the database; only its hash is kept.
"""

import argparse
import sys
from typing import Final, cast

from ci import preflight
from ci.deployment import DeploymentError
from ci.leftovers import LABEL

COMMAND: Final = ["python", "-m", "app", "login"]


def make_link(stack: str, email: str | None) -> tuple[str, str]:
    """The link, and for whom it is. Raises DeploymentError when there is no container or it refuses."""
    client = preflight.connect()
    labels = [f"{LABEL}={stack}"]
    running = client.containers.list(filters={"label": labels}, ignore_removed=True)
    roles = {container.labels.get("storestack.role"): container for container in running}
    container = roles.get("worker") or roles.get("web")
    if container is None:
        raise DeploymentError(
            f"the stack {stack} does not run here: run `make up STACK={stack}` first"
            f" (on AWS, run `{' '.join(COMMAND)}` as a task of the worker's definition, and read its output)"
        )
    command = [*COMMAND, *(["--email", email] if email else [])]
    outcome = container.exec_run(command, demux=True)
    parts = cast(tuple[bytes | None, bytes | None], outcome.output)
    printed, said = ((part or b"").decode(errors="replace").strip() for part in parts)
    if outcome.exit_code != 0:
        raise DeploymentError(said or f"{' '.join(command)} ended with exit code {outcome.exit_code}")
    return printed, said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--email", help="whose sign-in to renew, if there are several administrators")
    arguments = parser.parse_args()
    try:
        link, said = make_link(arguments.stack, arguments.email or None)
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(said)
    print(f"\n  {link}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
