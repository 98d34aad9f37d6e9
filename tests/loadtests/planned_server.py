"""A server whose behaviour is known: answers after a set time, freezes, fails or saturates by plan.

`GET /told` answers how long each answer took.
`python -m tests.loadtests.planned_server --latency 0.005 --freeze 20 2` prints its port and serves.
"""

import argparse
import asyncio
import json
from time import monotonic, perf_counter

ANSWER = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"


class PlannedServer:
    """Times count from the first request. `lanes` requests are served at once, the others wait in line."""

    def __init__(self, latency: float, freeze: tuple[float, float], failing: float, lanes: int) -> None:
        self.latency, self.freeze, self.failing = latency, freeze, failing
        self.lanes = asyncio.Semaphore(lanes)
        self.begin: float | None = None
        self.served = 0
        self.durations: list[float] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(self.tell() if head.startswith(b"GET /told ") else await self.answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self) -> bytes:
        if self.begin is None:
            self.begin = monotonic()
        self.served += 1
        arrived = perf_counter()
        failed = self.failing > 0 and self.served % round(1 / self.failing) == 0
        async with self.lanes:
            begin, length = self.freeze
            second = monotonic() - self.begin
            if begin <= second < begin + length:
                await asyncio.sleep(begin + length - second)
            await asyncio.sleep(self.latency)
        self.durations.append(perf_counter() - arrived)
        return ANSWER % (b"500 Internal Server Error" if failed else b"200 OK", 2, b"ok")

    def tell(self) -> bytes:
        """How long each answer since the last call took, in seconds; the plan begins anew."""
        told = json.dumps(self.durations).encode()
        self.durations, self.begin = [], None
        return ANSWER % (b"200 OK", len(told), told)


async def serve(options: argparse.Namespace) -> None:
    planned = PlannedServer(options.latency, tuple(options.freeze), options.failing, options.lanes)
    server = await asyncio.start_server(planned.handle, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.002)
    parser.add_argument("--freeze", type=float, nargs=2, default=(0.0, 0.0))
    parser.add_argument("--failing", type=float, default=0.0)
    parser.add_argument("--lanes", type=int, default=10_000)
    asyncio.run(serve(parser.parse_args()))
