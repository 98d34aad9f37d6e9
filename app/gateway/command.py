"""`python -m app.gateway fault …`: sets, shows and ends faults of the gateway that runs in this container."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec

from app.gateway.faults import Faults


def parse(arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The verb, and with `set` the faults by name."""
    parser = argparse.ArgumentParser(prog="python -m app.gateway fault", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("show", help="what is in force")
    verbs.add_parser("reset", help="end all faults")
    setting = verbs.add_parser("set", help="replace what is in force")
    for field in msgspec.structs.fields(Faults):
        name = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            setting.add_argument(name, action="store_true", default=None)
        else:
            whole = field.name == "count" or field.name.endswith("_ms")
            setting.add_argument(name, type=int if whole else float)
    given = vars(parser.parse_args(arguments))
    verb = given.pop("verb")
    return verb, {name: value for name, value in given.items() if value is not None}


def run(arguments: Sequence[str]) -> int:
    """Ask the gateway on PORT; returns the exit code."""
    verb, faults = parse(arguments)
    url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/v1/faults"
    key = Path(os.environ["GATEWAY_KEY_FILE"]).read_text().strip()
    method = {"show": "GET", "set": "PUT", "reset": "DELETE"}[verb]
    try:
        answer = httpx.request(
            method,
            url,
            json=faults if verb == "set" else None,
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        print(f"gateway: no answer at {url}: {error!r}", file=sys.stderr)
        return 1
    if not answer.is_success:
        print(f"gateway: refused: {answer.text}", file=sys.stderr)
        return 1
    print(json.dumps(answer.json()["faults"]))
    return 0
