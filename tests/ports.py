"""Ports for the servers that tests start."""

import secrets
import socket

# Below what Linux gives to outgoing connections (net.ipv4.ip_local_port_range, from 32768). A port from that
# range can become the near end of any program's connection before the server that it was meant for has it.
FIRST, LAST = 20_000, 32_767


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing uses."""
    while True:
        # Not `random`: property tests seed it alike in every process.
        port = FIRST + secrets.randbelow(LAST - FIRST + 1)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
