"""Application Auto Scaling for tests: the emulator has none, and sales windows are nothing without it.

Speaks the service's JSON protocol as far as the provider calls it, and keeps what it was told in memory.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KINDS = {
    "ScalableTarget": ("ResourceId", "ScalableDimension"),
    "ScalingPolicy": ("PolicyName", "ResourceId"),
    "ScheduledAction": ("ScheduledActionName", "ResourceId"),
}
PLURALS = {
    "ScalableTargets": "ScalableTarget",
    "ScalingPolicies": "ScalingPolicy",
    "ScheduledActions": "ScheduledAction",
}
FILTERS = {
    "ResourceIds": "ResourceId",
    "PolicyNames": "PolicyName",
    "ScheduledActionNames": "ScheduledActionName",
}


class Scaling:
    """The service's state, and the answer to each call."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {kind: {} for kind in KINDS}

    def answer(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        if action == "ListTagsForResource":
            return {"Tags": {}}
        if action.startswith("Describe"):
            return self._describe(action.removeprefix("Describe"), request)
        for verb in ("Register", "Put"):
            if action.startswith(verb):
                return self._keep(action.removeprefix(verb), request)
        for verb in ("Deregister", "Delete"):
            if action.startswith(verb):
                kind = action.removeprefix(verb)
                self.kept[kind].pop(self._key(kind, request), None)
        return {}

    def _key(self, kind: str, request: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(request.get(name)) for name in KINDS[kind])

    def _keep(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        key = self._key(kind, request)
        arn = f"arn:aws:autoscaling:us-east-1:000000000000:{kind}:{'/'.join(key)}"
        name = {"ScalingPolicy": "PolicyARN"}.get(kind, f"{kind}ARN")
        before = self.kept[kind].get(key, {})
        self.kept[kind][key] = {**before, **request, name: arn, "CreationTime": 0, "Alarms": []}
        return {name: arn, "Alarms": []}

    def _describe(self, plural: str, request: dict[str, Any]) -> dict[str, Any]:
        def fits(item: dict[str, Any]) -> bool:
            many = all(item[FILTERS[key]] in wanted for key, wanted in request.items() if key in FILTERS)
            one = all(item.get(key) == wanted for key, wanted in request.items() if key == "ResourceId")
            return many and one

        return {plural: [item for item in self.kept[PLURALS[plural]].values() if fits(item)]}


def serve(scaling: Scaling) -> tuple[ThreadingHTTPServer, str]:
    """Answer on a free port of 127.0.0.1 until the server is shut down; return it and its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            body = json.dumps(
                scaling.answer(self.headers["X-Amz-Target"].rsplit(".", 1)[1], request)
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"
