"""`make outputs`: what a stack offers, as JSON. Secrets only when asked for, with SECRETS=show."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ci.deployment import STATE, DeploymentError, ask


def read(stack: str, *, secrets: bool = False) -> dict[str, Any]:
    """The outputs of a stack, with the path of the authority's certificate beside its text."""
    shown = ["--show-secrets"] if secrets else []
    outputs: dict[str, Any] = json.loads(ask("stack", "output", "--json", *shown, "--stack", stack))
    if outputs.get("ca_certificate"):
        outputs["ca_certificate_path"] = str(write_authority(stack, outputs["ca_certificate"]))
    return outputs


def write_authority(stack: str, certificate: str) -> Path:
    """Put the authority's certificate where other programs find it."""
    path = STATE / stack / "ca.pem"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="ascii") != certificate:
        path.write_text(certificate, encoding="ascii")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--secrets", action="store_true")
    arguments = parser.parse_args()
    try:
        print(json.dumps(read(arguments.stack, secrets=arguments.secrets), indent=2))
    except DeploymentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
