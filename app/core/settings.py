"""Reads the container contract from the environment, once, into one frozen object.

Each secret is `<NAME>_FILE`, the path of a file, or `<NAME>_SECRET_ARN`, a secret of AWS Secrets Manager.

All errors are reported together, each with the variable, the value and the mend.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from app.core.authority import AuthorityError, fetch_authority
from app.core.secrets import Credential, SecretError, read_arn, read_file, read_user

CARRIERS = ("none", "easypost")


class SettingsError(Exception):
    """The environment does not fulfil the container contract; one line per fault."""


@dataclass(frozen=True)
class Settings:
    """The store's settings. Secrets are kept out of `repr`, so that a log line cannot leak them."""

    port: int
    database_url: str
    database_direct_url: str
    cache_url: str
    media_url: str
    # Where uploaded pictures are kept: a folder, or a bucket in `region`; without either nothing is uploaded.
    media_root: Path | None
    media_bucket: str | None
    region: str
    public_url: str
    # None: there is no back office.
    back_office_url: str | None
    gateway_url: str
    # "test" or "stripe".
    payment_gateway: str
    # "order" or "shipment": when the money is taken.
    payment_capture: str
    stripe_url: str
    # "none", or the carrier adapter's name.
    carrier: str
    carrier_url: str
    smtp_url: str
    mail_from: str
    # None: mails go to a relay, and there is nothing to read here.
    mail_sink_url: str | None
    version: str
    image: str
    replica: str
    secrets: Secrets
    # Who signs the database's certificate, where the system does not know; a PEM file.
    database_ca: Path | None = None

    @cached_property
    def database_dsn(self) -> str:
        """The pooled address with the password read at the start, for asyncpg only."""
        return self._dsn(self.database_url)

    @cached_property
    def database_direct_dsn(self) -> str:
        """The direct address with the password read at the start: migrations, workers, imports."""
        return self._dsn(self.database_direct_url)

    def _dsn(self, url: str) -> str:
        dsn = with_password(url, self.secrets.database_password)
        if self.database_ca is None:
            return dsn
        return f"{dsn}{'&' if '?' in dsn else '?'}{urlencode({'sslrootcert': str(self.database_ca)})}"

    @cached_property
    def cache_dsn(self) -> str:
        return with_password(self.cache_url, self.secrets.cache_password)

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")


@dataclass(frozen=True, repr=False)
class Secrets:
    """The values of the contract's `…_FILE` or `…_SECRET_ARN` variables."""

    database_password: str | None
    cache_password: str | None
    session_key: bytes
    gateway_key: str
    gateway_webhook_key: bytes
    stripe_key: str
    stripe_webhook_key: str
    carrier_key: str
    carrier_webhook_key: str
    smtp_password: str | None
    # The same passwords, for whoever signs in again after a rotation.
    database_credential: Credential | None = None
    cache_credential: Credential | None = None
    # For a release on a managed server: its master's name and password, and what `store` shall sign in with.
    database_master: tuple[str, str] | None = None
    database_store_password: str | None = None


def with_password(url: str, password: str | None) -> str:
    """Return `url` with `password` put in, percent-encoded; unchanged when there is none."""
    if password is None:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.username or ""
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def read_settings(environ: Mapping[str, str] = os.environ, *, release: bool = False) -> Settings:
    """Parse the environment; a `release` needs the database alone, so keys it never uses may be missing.

    Raises SettingsError with every fault at once.
    """
    reader = _Reader(environ)
    # Where the migrator has an address of its own, releases use it.
    migrates = release and bool(environ.get("DATABASE_MIGRATOR_URL"))
    direct = reader.url(
        "DATABASE_MIGRATOR_URL" if migrates else "DATABASE_DIRECT_URL", ("postgresql", "postgres")
    )
    carrier = reader.choice("CARRIER", CARRIERS)
    charged = reader.choice("PAYMENT_GATEWAY", ("test", "stripe"))
    by_stripe = charged == "stripe" and not release
    carried = carrier != "none" and not release
    role = "DATABASE_MIGRATOR_PASSWORD" if migrates else "DATABASE_PASSWORD"
    database_password = reader.secret(role, required=False)
    cache_password = reader.secret("CACHE_PASSWORD", required=False)
    settings = Settings(
        port=reader.port("PORT", 8000),
        database_url=direct if release else reader.url("DATABASE_URL", ("postgresql", "postgres")),
        database_direct_url=direct,
        cache_url=reader.url("CACHE_URL", ("redis", "rediss"), "redis://cache:6379/0"),
        media_url=reader.url("MEDIA_URL", ("http", "https"), "http://localhost:8000/media").rstrip("/"),
        media_root=Path(environ["MEDIA_ROOT"]) if environ.get("MEDIA_ROOT") else None,
        media_bucket=environ.get("MEDIA_BUCKET") or None,
        region=environ.get("AWS_REGION", ""),
        public_url=reader.url("PUBLIC_URL", ("http", "https"), "http://localhost:8000").rstrip("/"),
        back_office_url=reader.optional_url("BACK_OFFICE_URL", ("http", "https")),
        gateway_url=reader.url("GATEWAY_URL", ("http", "https"), "http://gateway:8000").rstrip("/"),
        payment_gateway=charged,
        payment_capture=reader.choice("PAYMENT_CAPTURE", ("order", "shipment")),
        stripe_url=reader.url("STRIPE_URL", ("http", "https"), "https://api.stripe.com").rstrip("/"),
        carrier=carrier,
        carrier_url=reader.url("CARRIER_URL", ("http", "https"), "https://api.easypost.com/v2").rstrip("/"),
        smtp_url=reader.url("SMTP_URL", ("smtp", "smtps"), "smtp://mail:1025"),
        mail_from=environ.get("MAIL_FROM") or "Store <store@localhost>",
        mail_sink_url=reader.optional_url("MAIL_SINK_URL", ("http", "https")),
        version=environ.get("STORE_VERSION", "development"),
        image=environ.get("IMAGE_DIGEST", "none"),
        replica=environ.get("REPLICA") or socket.gethostname(),
        secrets=Secrets(
            database_password=database_password,
            cache_password=cache_password,
            session_key=(reader.secret("SESSION_KEY", required=not release, least=32) or "").encode(),
            gateway_key=reader.secret("GATEWAY_KEY", required=not release) or "",
            gateway_webhook_key=(reader.secret("GATEWAY_WEBHOOK_KEY", required=not release) or "").encode(),
            stripe_key=reader.secret("STRIPE_KEY", required=by_stripe) or "",
            stripe_webhook_key=reader.secret("STRIPE_WEBHOOK_KEY", required=by_stripe) or "",
            carrier_key=reader.secret("CARRIER_KEY", required=carried) or "",
            carrier_webhook_key=reader.secret("CARRIER_WEBHOOK_KEY", required=carried) or "",
            smtp_password=reader.secret("SMTP_PASSWORD", required=False),
            database_credential=reader.credential(role, database_password),
            cache_credential=reader.credential("CACHE_PASSWORD", cache_password),
            database_master=reader.user("DATABASE_MASTER") if migrates else None,
            database_store_password=reader.secret("DATABASE_PASSWORD") if migrates else None,
        ),
        database_ca=reader.authority("DATABASE_CA_URL"),
    )
    if settings.back_office_url and _host(settings.back_office_url) == _host(settings.public_url):
        reader.faults.append(
            f"BACK_OFFICE_URL is {settings.back_office_url!r}, on the shop's host: give it a host of its own"
        )
    if settings.media_bucket and not settings.region:
        reader.faults.append(
            f"AWS_REGION is not set: MEDIA_BUCKET is {settings.media_bucket!r}, name its region"
        )
    if reader.faults:
        raise SettingsError("\n".join(reader.faults))
    return settings


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


class _Reader:
    """Collects faults instead of stopping at the first one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        value = self.environ.get(name, default)
        if not value:
            self.faults.append(f"{name} is not set: give it an address like {schemes[0]}://host/…")
            return ""
        parts = urlsplit(value)
        if parts.scheme not in schemes or not parts.hostname:
            self.faults.append(f"{name} is {value!r}: it must be an address that starts with {schemes[0]}://")
        elif parts.password:
            self.faults.append(
                f"{name} holds a password: put it into a file and name that in its _FILE variable"
            )
        return value

    def optional_url(self, name: str, schemes: tuple[str, ...]) -> str | None:
        return self.url(name, schemes).rstrip("/") if self.environ.get(name) else None

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of `choices`, the first when it is not set."""
        value = self.environ.get(name) or choices[0]
        if value not in choices:
            self.faults.append(f"{name} is {value!r}: it must be {' or '.join(choices)}")
        return value

    def port(self, name: str, default: int) -> int:
        value = self.environ.get(name, str(default))
        if not value.isdecimal() or not 1 <= int(value) <= 65535:
            self.faults.append(f"{name} is {value!r}: it must be a number from 1 to 65535")
            return default
        return int(value)

    def secret(self, name: str, *, required: bool = True, least: int = 1) -> str | None:
        """Read what `<name>_FILE` or `<name>_SECRET_ARN` names; the value itself is no variable."""
        path, arn = self.environ.get(f"{name}_FILE"), self.environ.get(f"{name}_SECRET_ARN")
        if not path and not arn:
            if required:
                self.faults.append(f"{name}_FILE is not set: it must name a file that holds the secret")
            return None
        if path and arn:
            self.faults.append(f"{name}_FILE and {name}_SECRET_ARN are both set: keep one")
            return None
        variable, given = (f"{name}_FILE", path) if path else (f"{name}_SECRET_ARN", arn)
        try:
            value = self._reader_of(name)()
        except SecretError as error:
            self.faults.append(f"{variable} is {given!r}, which cannot be read: {error}")
            return None
        if len(value) < least:
            self.faults.append(f"{variable} is {given!r}, too short: {least} characters are needed")
        return value

    def _reader_of(self, name: str) -> Callable[[], str]:
        path = self.environ.get(f"{name}_FILE")
        return partial(read_file, path) if path else partial(read_arn, self.environ[f"{name}_SECRET_ARN"])

    def user(self, name: str) -> tuple[str, str] | None:
        """A database user and its password, of the secret that `<name>_SECRET_ARN` names."""
        arn = self.environ.get(f"{name}_SECRET_ARN")
        try:
            return read_user(arn) if arn else None
        except SecretError as error:
            self.faults.append(f"{name}_SECRET_ARN is {arn!r}, which cannot be read: {error}")
            return None

    def credential(self, name: str, value: str | None) -> Credential | None:
        """The secret whose `value` was just read, with the way to read it again."""
        return None if value is None else Credential(value, self._reader_of(name))

    def authority(self, name: str) -> Path | None:
        """Fetch the PEM bundle that the variable names, for this container's life."""
        url = self.environ.get(name)
        if not url:
            return None
        try:
            return fetch_authority(url)
        except AuthorityError as error:
            self.faults.append(f"{name} is {url!r}: {error}")
            return None
