"""A store that only uses its database and its cache, whichever engines the contract's addresses name.

`client.py release` makes the table as the migrator; else it serves on PORT. Each request of `/` writes a row
and a cache entry, reads both back, and answers what it read with the engines' own words about themselves.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


def secret(name: str) -> str:
    return Path(os.environ[f"{name}_FILE"]).read_text().strip()


def query(variable: str, sql: str) -> str:
    """Runs SQL at the address that a variable of the contract names, and returns what it printed."""
    address = urlsplit(os.environ[variable])
    password = secret("DATABASE_PASSWORD")
    place = ["--host", str(address.hostname), "--port", str(address.port), "--user", str(address.username)]
    if address.scheme == "mysql":
        command = ["mariadb", *place, "--protocol", "tcp", "-N", "-B", "-e", sql, address.path[1:]]
        given = {"MYSQL_PWD": password}
    else:
        place = [word.replace("--user", "--username") for word in place]
        command = ["psql", *place, "-X", "-q", "-A", "-t", "-c", sql, address.path[1:]]
        given = {"PGPASSWORD": password}
    done = subprocess.run(
        command, env=os.environ | given, capture_output=True, text=True, timeout=10, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


def converse(*lines: str) -> list[str]:
    """Says lines to the cache on one connection and returns its answer to each."""
    address = urlsplit(os.environ["CACHE_URL"])
    with socket.create_connection((str(address.hostname), address.port or 0), 5) as connection:
        stream = connection.makefile("rwb")
        answers = []
        for line in lines:
            stream.write(f"{line}\r\n".encode())
            stream.flush()
            answers.append(stream.readline().decode().strip())
            if answers[-1].startswith(("$", "VALUE")):
                answers[-1] = stream.readline().decode().strip()
                if address.scheme == "memcached":
                    stream.readline()
        return answers


def use_cache(word: str) -> tuple[str, str]:
    """The word as the cache gave it back, and the cache's name with its version."""
    password = secret("CACHE_PASSWORD")
    if os.environ["CACHE_URL"].startswith("memcached:"):
        credential = f"store {password}"
        login = f"set auth 0 0 {len(credential)}\r\n{credential}"
        _, _, found, version = converse(login, f"set word 0 60 {len(word)}\r\n{word}", "get word", "version")
        return found, f"memcached {version.removeprefix('VERSION ')}"
    _, _, found = converse(f"AUTH {password}", f"SET word {word}", "GET word")
    address = urlsplit(os.environ["CACHE_URL"])
    with socket.create_connection((str(address.hostname), address.port or 0), 5) as connection:
        connection.sendall(f"AUTH {password}\r\nINFO server\r\n".encode())
        told = connection.recv(8192).decode()
    names = dict(re.findall(r"(server_name|valkey_version|redis_version):(\S+)", told))
    return (
        found,
        f"{names.get('server_name', 'redis')} {names.get('valkey_version', names.get('redis_version'))}",
    )


def use_all() -> dict[str, str]:
    word = os.urandom(8).hex()
    query("DATABASE_URL", f"INSERT INTO greetings (word) VALUES ('{word}')")  # noqa: S608 - hexadecimal
    kept = query("DATABASE_URL", f"SELECT word FROM greetings WHERE word = '{word}'")  # noqa: S608
    cached, cache = use_cache(word)
    denied = ""
    try:
        query("DATABASE_URL", "DROP TABLE greetings")
    except RuntimeError as error:
        denied = str(error)
    return {
        "kept": str(kept == word),
        "cached": str(cached == word),
        "database": query("DATABASE_URL", "SELECT version()"),
        "cache": cache,
        "denied": denied,
    }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, body, status = self.path.split("?")[0], {"status": "ok"}, 200
        if path == "/info":
            body = {"version": "1", "image": os.environ["IMAGE_DIGEST"], "replica": socket.gethostname()}
        elif path == "/":
            try:
                body = use_all()
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                body, status = {"error": f"{type(error).__name__}: {error}"}, 503
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main() -> None:
    if sys.argv[1:] == ["release"]:
        query("DATABASE_DIRECT_URL", "CREATE TABLE IF NOT EXISTS greetings (word VARCHAR(40) PRIMARY KEY)")
        return
    if sys.argv[1:] == ["health"]:
        with socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 2):
            return
    server = ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
