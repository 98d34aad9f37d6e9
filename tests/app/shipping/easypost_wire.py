"""EasyPost on the wire: a local HTTP server that answers as EasyPost's API does, as recorded from its test
mode.

It keeps shipments like the real one: an unbought one has rates, a bought one a label and a tracker, and
buying twice is refused with 422. Tests make it slow, dead, or lose its answer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LABEL = b"%PDF-1.4 a label"


@dataclass
class Wire:
    """What the server holds, and how it misbehaves."""

    port: int = 0
    shipments: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    purchases: int = 0
    delay: float = 0
    status: int = 0
    # Buys, and hangs up before the answer.
    lose_answer: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2"


def rate(shipment: str, number: int, carrier: str, service: str, price: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"rate_{shipment[4:]}{number}",
        "object": "Rate",
        "created_at": "2026-11-20T09:00:00Z",
        "mode": "test",
        "service": service,
        "carrier": carrier,
        "rate": price,
        "currency": "EUR",
        "retail_rate": None,
        "list_rate": price,
        "delivery_days": 2,
        "delivery_date": None,
        "delivery_date_guaranteed": False,
        "est_delivery_days": 2,
        "shipment_id": shipment,
        "carrier_account_id": "ca_7642d249fdcf47bcb5da9ea34c96dfcf",
        **more,
    }


@contextmanager
def easypost_wire() -> Iterator[Wire]:
    wire = Wire()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"wire": wire}))
    wire.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield wire
    server.shutdown()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    wire: Wire

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.wire.asked.append(("GET", self.path))
        if self.path.startswith("/label/"):
            self._send(200, LABEL, "application/pdf")
            return
        shipment = self.wire.shipments.get(self.path.rpartition("/")[2])
        if shipment is None:
            self._fail(404, "NOT_FOUND", "The requested resource could not be found.")
        else:
            self._answer(200, shipment)

    def do_POST(self) -> None:
        wire = self.wire
        wire.asked.append(("POST", self.path))
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(wire.delay)
        if wire.status:
            self._fail(wire.status, "INTERNAL_SERVER_ERROR", "We're sorry, something went wrong.")
        elif self.headers["Authorization"] != "Bearer EZTK-test":
            self._fail(401, "UNAUTHORIZED", "The API key is wrong.")
        elif self.path == "/v2/shipments":
            self._create(body["shipment"])
        else:
            self._buy(self.path.split("/")[3], body["rate"]["id"])

    def _create(self, given: dict[str, Any]) -> None:
        name = f"shp_{len(self.wire.shipments):032d}"
        weight = given["parcel"]["weight"]
        shipment = {
            "id": name,
            "object": "Shipment",
            "mode": "test",
            "status": "unknown",
            "reference": given.get("reference"),
            "to_address": {"object": "Address", **given["to_address"]},
            "from_address": {"object": "Address", **given["from_address"]},
            "parcel": {"object": "Parcel", **given["parcel"]},
            "rates": [
                rate(name, 1, "DHLPaket", "Paket", f"{5 + weight / 100:.2f}"),
                rate(name, 2, "UPS", "UPSStandard", "11.34", delivery_days=1),
                rate(name, 3, "USPS", "Priority", "7.90", currency="USD"),
            ],
            "messages": [],
            "selected_rate": None,
            "postage_label": None,
            "tracker": None,
            "tracking_code": None,
        }
        self.wire.shipments[name] = shipment
        self._answer(201, shipment)

    def _buy(self, name: str, chosen: str) -> None:
        shipment = self.wire.shipments[name]
        if shipment["postage_label"]:
            self._fail(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
            return
        self.wire.purchases += 1
        number = f"EZ{self.wire.purchases:010d}"
        shipment |= {
            "selected_rate": next(one for one in shipment["rates"] if one["id"] == chosen),
            "tracking_code": number,
            "tracker": {"object": "Tracker", "public_url": f"https://track.easypost.com/{number}"},
            "postage_label": {
                "object": "PostageLabel",
                "label_url": f"http://127.0.0.1:{self.wire.port}/label/{number}.pdf",
                "label_pdf_url": f"http://127.0.0.1:{self.wire.port}/label/{number}.pdf",
            },
        }
        if self.wire.lose_answer:
            self.wire.lose_answer = False
            self.close_connection = True
            return
        self._answer(200, shipment)

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        self._send(status, json.dumps(document).encode(), "application/json")

    def _fail(self, status: int, code: str, message: str) -> None:
        self._answer(status, {"error": {"code": code, "message": message, "errors": []}})

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
