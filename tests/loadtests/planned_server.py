"""A server whose behaviour is known: answers after a set time, freezes, fails or saturates by plan.

`python -m tests.loadtests.planned_server --latency 0.005 --freeze 20 2` prints its port and serves.
"""

import argparse
import asyncio
from time import monotonic

ANSWER = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class PlannedServer:
    """Times count from the first request. `lanes` requests are served at once, the others wait in line."""

    def __init__(self, latency: float, freeze: tuple[float, float], failing: float, lanes: int) -> None:
        self.latency, self.freeze, self.failing = latency, freeze, failing
        self.lanes = asyncio.Semaphore(lanes)
        self.begin: float | None = None
        self.served = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(await self.answer())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self) -> bytes:
        if self.begin is None:
            self.begin = monotonic()
        self.served += 1
        failed = self.failing > 0 and self.served % round(1 / self.failing) == 0
        async with self.lanes:
            begin, length = self.freeze
            second = monotonic() - self.begin
            if begin <= second < begin + length:
                await asyncio.sleep(begin + length - second)
            await asyncio.sleep(self.latency)
        return ANSWER % (b"500 Internal Server Error" if failed else b"200 OK")


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
