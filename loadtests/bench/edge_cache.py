"""A cached page through the edge against nginx serving the same bytes as a file in the same container.

Both go over TLS with keep-alive, through the same firewall rules and rate limits, from many shoppers'
addresses; then once more with the firewall off, on both sides. wrk sends the requests, the two sides in turn.
Goal: at least 0.8 of the file's requests per second. Run it on a stack that may be loaded:

    python -m loadtests.bench.edge_cache [STACK]
"""

import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from statistics import median

from loadtests.stack import Stack, find_stack, make, pulumi

ROUNDS = 5
SECONDS = 4
SHOPPERS = 20_000  # enough that none of them meets the limit of requests a second within a round


def write_file(stack: Stack, name: str, content: bytes) -> None:
    """Puts a file where the edge serves it from disk, through firewall and limits."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        tar.addfile(entry, io.BytesIO(content))
    stack.containers("worker")[0].put_archive("/srv/media", archive.getvalue())


def write_shoppers(stack: Stack, path: Path) -> None:
    """A wrk script that signs each request as the next of many shoppers."""
    shoppers = (stack.shopper(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(SHOPPERS))
    rows = ",\n".join(
        "{" + ",".join(f'["{name}"]="{value}"' for name, value in shopper.items()) + "}"
        for shopper in shoppers
    )
    path.write_text(
        f"local shoppers = {{{rows}}}\nlocal next = 0\n"
        "function request()\n  next = next % #shoppers + 1\n"
        "  return wrk.format(nil, nil, shoppers[next])\nend\n"
    )


def measure(url: str, script: Path) -> float:
    """Requests per second answered with 200; raises if any was not."""
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "-s", str(script), url]
    report = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    if bad := re.search(r"Non-2xx or 3xx responses: (\d+)", report):
        raise RuntimeError(f"{url}: {bad.group(1)} requests were not answered with 200")
    found = re.search(r"Requests/sec:\s+([\d.]+)", report)
    if not found:
        raise RuntimeError(f"wrk said nothing of its rate: {report}")
    return float(found.group(1))


def compare(stack: Stack, script: Path, label: str) -> None:
    with stack.client() as client:
        page = client.get("/").raise_for_status()
    write_file(stack, ".well-known/bench.html", page.content)
    cached, static = [], []
    for _ in range(ROUNDS):
        cached.append(measure(f"{stack.url}/", script))
        static.append(measure(f"{stack.url}/.well-known/bench.html", script))
    ratio = median(a / b for a, b in zip(cached, static, strict=True))
    print(
        f"{label}: cached page {median(cached):,.0f}/s, file {median(static):,.0f}/s, "
        f"{len(page.content):,} bytes, ratio {ratio:.2f} (goal ≥ 0.8)",
        flush=True,
    )


def main() -> None:
    stack = find_stack(sys.argv[1] if len(sys.argv) > 1 else "local")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "shoppers.lua"
        write_shoppers(stack, script)
        compare(stack, script, "firewall blocking")
        pulumi(stack.name, "config", "set", "firewall:mode", "off")
        try:
            make("up", stack.name).check_returncode()
            compare(stack, script, "firewall off")
        finally:
            pulumi(stack.name, "config", "rm", "firewall:mode")
            make("up", stack.name).check_returncode()


if __name__ == "__main__":
    main()
