"""Every setting of a stack: type, unit, default and the reason for the default, as typed, frozen data.

The classes are both the table (`docs/settings.md` is generated from it) and what components receive.
"""

# ruff: noqa: RUF009 - key() makes a frozen default

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from ipaddress import IPv4Network
from pathlib import PurePosixPath
from typing import Any, Final

from stacks.settings import kinds
from stacks.settings.choices import (
    CacheEngine,
    Carrier,
    CertificateSource,
    DatabaseEngine,
    FirewallMode,
    PaymentCapture,
    PaymentGateway,
    Target,
)
from stacks.settings.kinds import Kind


@dataclass(frozen=True)
class Key:
    """One row of the table."""

    name: str
    kind: Kind
    default: str | None
    unit: str
    why: str


def key(kind: Kind, default: str | None, why: str, unit: str = "") -> Any:
    """A field whose value is read by `kind`; `default` is the text a person would write, None for unset."""
    value = None if default is None else kind.parse(default)
    return field(default=value, metadata={"kind": kind, "default": default, "unit": unit, "why": why})


@dataclass(frozen=True)
class Network:
    subnet: IPv4Network = key(
        kinds.subnet(), "10.203.0.0/24", "outside Docker's own default pools; each stack needs one of its own"
    )


@dataclass(frozen=True)
class Edge:
    host: str = key(kinds.host(), "localhost", "resolves everywhere without any DNS record")
    back_office_host: str | None = key(
        kinds.host(), None, "unset: `admin.` before edge:host; a host of its own, with cookies of its own"
    )
    back_office_networks: tuple[IPv4Network, ...] = key(
        kinds.networks(),
        "127.0.0.1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
        "this machine and private networks; others are answered 403",
    )
    back_office_per_second: int = key(
        kinds.integer(1, 100000), "10", "a page and its files, per client address", "requests/s"
    )
    listen: str = key(kinds.address(), "127.0.0.1", "nothing outside this machine reaches a stack by default")
    https_port: int = key(kinds.integer(1, 65535), "8443", "free of root rights and rarely taken", "port")
    http_port: int = key(kinds.integer(1, 65535), "8080", "only redirects to HTTPS", "port")
    cpus: float = key(kinds.number(0.1, 64), "2", "TLS and the firewall are the edge's work", "cores")
    memory_mb: int = key(kinds.integer(128, 65536), "512", "the rule set takes 60 MB per worker", "MB")
    cache_mb: int = key(kinds.integer(16, 1048576), "512", "holds some 20,000 pages of 25 kB", "MB of disk")
    body_mb: int = key(kinds.integer(1, 1024), "10", "a product image fits; a memory attack does not", "MB")
    pages_per_second: int = key(
        kinds.integer(1, 100000), "20", "ten times a hurried shopper, per client address", "requests/s"
    )
    api_per_second: int = key(
        kinds.integer(1, 100000), "20", "as for pages, per client address", "requests/s"
    )
    sensitive_per_minute: int = key(
        kinds.integer(1, 100000),
        "20",
        "log-in and checkout: no guessing of passwords or cards",
        "requests/min",
    )
    connections: int = key(
        kinds.integer(1, 100000), "100", "an office behind one address still fits", "connections per address"
    )


@dataclass(frozen=True)
class Firewall:
    mode: FirewallMode = key(
        kinds.choice(FirewallMode), "block", "a firewall that only watches stops nothing"
    )
    paranoia: int = key(
        kinds.integer(1, 4),
        "1",
        "the rule set's own advice for a shop: few false alarms",
        "CRS paranoia level",
    )


@dataclass(frozen=True)
class Certificates:
    source: CertificateSource = key(
        kinds.choice(CertificateSource),
        "own",
        "own: a name-constrained CA of the stack; files: yours; acme: a public CA's, renewed by `up`",
    )
    certificate_file: PurePosixPath | None = key(
        kinds.file(), None, "PEM chain, leaf first; with source files"
    )
    key_file: PurePosixPath | None = key(kinds.file(), None, "PEM private key; with source files")
    acme_directory: str = key(
        kinds.https_address(),
        "https://acme-v02.api.letsencrypt.org/directory",
        "Let's Encrypt: free, and trusted everywhere",
    )
    acme_email: str | None = key(
        kinds.email(), None, "where the authority writes before a certificate runs out; with source acme"
    )
    acme_authority_file: PurePosixPath | None = key(
        kinds.file(), None, "PEM of whom to trust when asking an ACME authority of your own"
    )


@dataclass(frozen=True)
class Balancer:
    cpus: float = key(kinds.number(0.1, 64), "1", "one thread forwards some 20,000 requests/s", "cores")
    memory_mb: int = key(
        kinds.integer(64, 65536), "256", "4,000 connections at 34 kB, and a reload's two processes", "MB"
    )
    connections: int = key(kinds.integer(10, 1000000), "4000", "what the memory above holds", "connections")
    server_connections: int = key(
        kinds.integer(1, 100000), "64", "what a web container works on at once before it slows", "requests"
    )
    queue: int = key(kinds.integer(1, 1000000), "1000", "more than that is shed with 503 at once", "requests")
    queue_seconds: int = key(kinds.integer(1, 300), "5", "a shopper leaves before a longer wait ends", "s")


@dataclass(frozen=True)
class Store:
    image: str | None = key(
        kinds.image(), None, "unset: the bundled store, built here; else any image on the contract"
    )
    bundled: bool = key(
        kinds.boolean(),
        "false",
        "whether store:image is a build of the bundled store; `make release` sets it",
    )
    version: str | None = key(
        kinds.tag(), None, "unset: from what the image is made of, or its name; `make release` sets it"
    )
    web: int = key(
        kinds.integer(1, 64), "3", "one may die, one may be replaced, one still serves", "containers"
    )
    workers: int = key(
        kinds.integer(0, 64), "1", "jobs of the bundled store; 0 for an image without any", "containers"
    )
    port: int = key(kinds.integer(1024, 65535), "8000", "what the container is told in PORT", "port")
    web_cpus: float = key(kinds.number(0.1, 64), "1", "one Python process uses one core", "cores each")
    web_memory_mb: int = key(
        kinds.integer(64, 65536), "384", "the bundled store uses 150 MB under load", "MB each"
    )
    worker_cpus: float = key(kinds.number(0.1, 64), "0.5", "jobs may wait, shoppers may not", "cores each")
    worker_memory_mb: int = key(kinds.integer(64, 65536), "384", "as a web container", "MB each")
    drain_seconds: int = key(
        kinds.integer(1, 300), "30", "longer than the longest request, after SIGTERM", "s"
    )
    release_command: tuple[str, ...] = key(
        kinds.command(), "python -m app release", "runs once per release, before any new web container"
    )
    release_seconds: int = key(
        kinds.integer(10, 86400), "600", "a migration that takes longer needs a plan", "s"
    )
    health_command: tuple[str, ...] | None = key(
        kinds.command(), None, "unset: the bundled store's own; for your image a command that fails when ill"
    )
    worker_command: tuple[str, ...] = key(
        kinds.command(), "python -m app worker", "what a worker container runs"
    )
    seed_command: tuple[str, ...] = key(
        kinds.command(), "python -m app seed", "loads the sample catalogue; must be safe to run again"
    )
    sample_data: bool = key(
        kinds.boolean(), "true", "a first look needs products; turn off for a store of your own"
    )
    smoke_paths: tuple[str, ...] = key(
        kinds.paths(), "/health/ready /info /", "each must answer 2xx or 3xx before a container is admitted"
    )
    payment_gateway: PaymentGateway = key(
        kinds.choice(PaymentGateway), "test", "test: the stack's own, which moves no money"
    )
    payment_capture: PaymentCapture = key(
        kinds.choice(PaymentCapture), "order", "when money is taken; shipment: authorized with the order"
    )
    stripe_key: str | None = key(
        kinds.matching(re.compile(r"[sr]k_\w+"), "a secret key of Stripe, sk_…"),
        None,
        "set it with `--secret`; with payment_gateway stripe",
    )
    stripe_webhook_key: str | None = key(
        kinds.matching(re.compile(r"whsec_\w+"), "the signing secret of Stripe's webhook, whsec_…"),
        None,
        "set it with `--secret`; the webhook's address is /api/v1/webhooks/stripe",
    )
    carrier: Carrier = key(
        kinds.choice(Carrier), "none", "who sells labels and tracks parcels; none: table rates, typed by hand"
    )
    carrier_key: str | None = key(
        kinds.matching(re.compile(r".+"), "the carrier's API key"),
        None,
        "set it with `--secret`; without a carrier there is none",
    )
    carrier_webhook_key: str | None = key(
        kinds.matching(re.compile(r".+"), "the secret that the carrier signs webhooks with"),
        None,
        "set it with `--secret`, and give the carrier the same",
    )
    smtp_url: str | None = key(
        kinds.matching(
            re.compile(r"smtps?://([^\s@:/]+@)?[^\s@:/]+(:\d{1,5})?"), "smtp://host:port or smtps://…"
        ),
        None,
        "the relay for mails; without one a sink keeps them, for staff to read in the back office",
    )
    smtp_password: str | None = key(
        kinds.matching(re.compile(r".+"), "the relay's password"), None, "set it with `--secret`"
    )
    mail_from: str = key(
        kinds.matching(
            re.compile(r"[^<>@\r\n]*<[^\s@<>]+@[^\s@<>]+>"), "a sender like Store <store@example.com>"
        ),
        "Store <store@localhost>",
        "who the store's mails are from; relays accept their own domains only",
    )
    ready_seconds: int = key(kinds.integer(5, 3600), "90", "a container not healthy by then is refused", "s")

    @property
    def is_bundled(self) -> bool:
        """Whether the containers hold the kit's own store, which brings its checks and needs its engines."""
        return self.image is None or self.bundled


@dataclass(frozen=True)
class Database:
    engine: DatabaseEngine = key(
        kinds.choice(DatabaseEngine),
        "postgres",
        "the bundled store needs it; mysql is MariaDB here, for an image of your own",
    )
    cpus: float = key(kinds.number(0.1, 64), "2", "orders are written here", "cores")
    memory_mb: int = key(
        kinds.integer(256, 1048576), "768", "a quarter is cache; a catalogue of 1,000 fits whole", "MB"
    )
    connections: int = key(
        kinds.integer(20, 5000), "100", "pool, workers and a person with psql", "connections"
    )
    slow_query_ms: int = key(
        kinds.integer(1, 600000), "250", "slower than that is worth a line in the log", "ms"
    )
    pool_size: int = key(
        kinds.integer(1, 1000), "20", "more running queries than this only queue inside", "connections"
    )
    pool_clients: int = key(
        kinds.integer(10, 100000), "1000", "idle web connections cost the pooler 2 kB", "connections"
    )


@dataclass(frozen=True)
class Cache:
    engine: CacheEngine = key(
        kinds.choice(CacheEngine),
        "redis",
        "the bundled store speaks to redis and valkey; memcached is for an image of your own",
    )
    cpus: float = key(kinds.number(0.1, 64), "0.5", "Redis answers from one thread", "cores")
    memory_mb: int = key(
        kinds.integer(64, 1048576), "256", "sessions, rate limits and fragments of a small shop", "MB"
    )


@dataclass(frozen=True)
class Images:
    base: str = key(kinds.image(), "debian:trixie-slim", "one base for every image: one thing to patch")
    keep: int = key(kinds.integer(1, 100), "3", "this release and two to go back to", "images per role")


@dataclass(frozen=True)
class Containers:
    log_mb: int = key(kinds.integer(1, 10240), "10", "some 50,000 lines", "MB per file")
    log_files: int = key(
        kinds.integer(1, 100), "3", "a log may fill 30 MB per container, never the disk", "files"
    )


@dataclass(frozen=True)
class Loadtests:
    hosts: tuple[str, ...] = key(
        kinds.hosts(), "127.0.0.1", "where `make load` may send visits: this machine, until you say otherwise"
    )


@dataclass(frozen=True)
class Settings:
    """All settings of one stack. Field names are the namespaces of the keys."""

    stack: str
    target: Target = Target.LOCAL
    network: Network = Network()
    edge: Edge = Edge()
    firewall: Firewall = Firewall()
    certificates: Certificates = Certificates()
    balancer: Balancer = Balancer()
    store: Store = Store()
    database: Database = Database()
    cache: Cache = Cache()
    images: Images = Images()
    containers: Containers = Containers()
    loadtests: Loadtests = Loadtests()

    @property
    def prefix(self) -> str:
        """What the name of every container, network and volume of this stack starts with."""
        return f"storestack-{self.stack}"

    @property
    def url(self) -> str:
        return self.address_of(self.edge.host)

    @property
    def back_office_host(self) -> str:
        return self.edge.back_office_host or f"admin.{self.edge.host}"

    @property
    def back_office_url(self) -> str:
        return self.address_of(self.back_office_host)

    def address_of(self, host: str) -> str:
        """Where a browser finds a host of this stack."""
        port = "" if self.edge.https_port == 443 else f":{self.edge.https_port}"
        return f"https://{host}{port}"


ROLES: Final[dict[str, type[Any]]] = {
    "network": Network,
    "edge": Edge,
    "firewall": Firewall,
    "certificates": Certificates,
    "balancer": Balancer,
    "store": Store,
    "database": Database,
    "cache": Cache,
    "images": Images,
    "containers": Containers,
    "loadtests": Loadtests,
}


def read_target(text: str) -> Target:
    if text == "aws":
        raise ValueError(
            "use local for what `make` brings up; a stack on AWS is brought up by `pulumi up -s`"
        )
    if text not in list(Target):
        raise ValueError("use local or aws")
    return Target(text)


TARGET: Final = Key(
    "storestack:target", Kind("local or aws", read_target), "local", "", "where the stack stands"
)


def row(role: str, item: "Field[Any]") -> Key:
    """The table row of one field of a role's class."""
    if item.default is MISSING:
        raise TypeError(f"{role}.{item.name} has no key()")
    data = item.metadata
    return Key(f"{role}:{item.name}", data["kind"], data["default"], data["unit"], data["why"])


def table() -> Iterator[Key]:
    """Every key, in the order of the picture."""
    yield TARGET
    for role, settings in ROLES.items():
        for item in fields(settings):
            yield row(role, item)
