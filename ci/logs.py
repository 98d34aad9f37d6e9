"""`make logs`: what every container of a role says, as it says it, with its name in front."""

import sys
import threading

from ci import preflight
from ci.deployment import DeploymentError
from ci.leftovers import LABEL


def follow(stack: str, role: str) -> None:
    """Runs until interrupted. Raises DeploymentError when no container of the role runs."""
    client = preflight.connect()
    labels = [f"{LABEL}={stack}", f"storestack.role={role}"]
    containers = client.containers.list(filters={"label": labels}, ignore_removed=True)
    if not containers:
        raise DeploymentError(
            f'no container of the role "{role}" runs in the stack {stack}: run `make up` first'
        )

    def stream(name: str, lines: object) -> None:
        for chunk in lines:  # type: ignore[attr-defined]
            for line in chunk.decode(errors="replace").splitlines():
                print(f"{name}: {line}", flush=True)

    threads = [
        threading.Thread(target=stream, args=(c.name, c.logs(stream=True, follow=True, tail=50)), daemon=True)
        for c in containers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> int:
    try:
        follow(sys.argv[1], sys.argv[2])
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
