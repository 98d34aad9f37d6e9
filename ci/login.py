"""`make login`: a one-time link to a stack's back office, printed here and nowhere else.

It is made in a running worker or web container, which can reach the database; only its hash is kept. On AWS
it is made by a task of its own, whose (encrypted) log holds the link: it works once, and not for long.
"""

import argparse
import sys
from typing import Final, cast

from ci import outputs, preflight
from ci.cloud import Cloud, run_command
from ci.deployment import DeploymentError
from ci.leftovers import LABEL
from ci.toolchain import examination

COMMAND: Final = ["python", "-m", "app", "login"]


def make_link(stack: str, email: str | None) -> tuple[str, str]:
    """The link, and for whom it is. Raises DeploymentError when there is no container or it refuses."""
    client = preflight.connect()
    labels = [f"{LABEL}={stack}"]
    running = client.containers.list(filters={"label": labels}, ignore_removed=True)
    roles = {container.labels.get("storestack.role"): container for container in running}
    container = roles.get("worker") or roles.get("web")
    if container is None:
        raise DeploymentError(f"the stack {stack} does not run here: run `make up STACK={stack}` first")
    command = _command(email)
    outcome = container.exec_run(command, demux=True)
    parts = cast(tuple[bytes | None, bytes | None], outcome.output)
    printed, said = ((part or b"").decode(errors="replace").strip() for part in parts)
    if outcome.exit_code != 0:
        raise DeploymentError(said or f"{' '.join(command)} ended with exit code {outcome.exit_code}")
    return printed, said


def make_link_on_aws(stack: str, email: str | None, cloud: Cloud | None = None) -> tuple[str, str]:
    """The link, and for whom it is, from a task of the stack's. Raises DeploymentError."""
    lines = run_command(outputs.read(stack), _command(email), cloud)
    links = [line.strip() for line in lines if line.strip().startswith("https://")]
    if len(links) != 1:
        raise DeploymentError(
            "\n".join([*lines, "the task ended well and printed no link: is the image the kit's?"])
        )
    return links[0], "\n".join(line for line in lines if line.strip() not in links and line[:1] != "{")


def _command(email: str | None) -> list[str]:
    return [*COMMAND, *(["--email", email] if email else [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--email", help="whose sign-in to renew, if there are several administrators")
    arguments = parser.parse_args()
    try:
        on_aws = examination.read_settings(arguments.stack).get("storestack:target") == "aws"
        make = make_link_on_aws if on_aws else make_link
        link, said = make(arguments.stack, arguments.email or None)
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(said)
    print(f"\n  {link}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
