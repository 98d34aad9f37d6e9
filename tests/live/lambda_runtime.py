"""Plays AWS Lambda to one function: its Runtime and Extensions APIs, and a balancer's requests as events.

Run inside the function's container: `python lambda_runtime.py REQUESTS`, JSON of [method, path, body]; each
answer is printed as a line of JSON, [number, status, body].
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 9001
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:store"
TARGETS = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/store/1"
# What waits for an event that never comes.
FOREVER = 3600

waiting = list(enumerate(json.loads(sys.argv[1])))


def make_event(method: str, path: str, body: str) -> dict[str, Any]:
    """A request as the balancer hands it to a function."""
    return {
        "requestContext": {"elb": {"targetGroupArn": TARGETS}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": {"host": "localhost", "x-forwarded-proto": "https", "content-type": "application/json"},
        "body": body,
        "isBase64Encoded": False,
    }


class Lambda(BaseHTTPRequestHandler):
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, as far as an adapter uses it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Only answers are printed."""

    def do_GET(self) -> None:
        if not self.path.endswith("/invocation/next") or not waiting:
            time.sleep(FOREVER)
        number, request = waiting.pop(0)
        deadline = str(int((time.time() + 30) * 1000))
        self.answer(
            200,
            make_event(*request),
            {
                "Lambda-Runtime-Aws-Request-Id": str(number),
                "Lambda-Runtime-Deadline-Ms": deadline,
                "Lambda-Runtime-Invoked-Function-Arn": FUNCTION,
            },
        )

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/extension/register"):
            self.answer(200, {"functionName": "store"}, {"Lambda-Extension-Identifier": "adapter"})
            return
        if self.path.endswith("/response"):
            answer = json.loads(said)
            print(
                json.dumps([int(self.path.split("/")[-2]), answer["statusCode"], answer["body"]]), flush=True
            )
        self.answer(202, {}, {})

    def answer(self, status: int, document: dict[str, Any], headers: dict[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, text in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Lambda).serve_forever()
