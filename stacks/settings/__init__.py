"""Settings: the flat keys of `Pulumi.<stack>.yaml`, parsed once, at the top, into frozen typed objects.

`parse` is pure. Whether a named file exists or a port is free is the business of whoever uses it.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from stacks.settings.choices import (
    CacheEngine,
    Carrier,
    CertificateSource,
    DatabaseEngine,
    FirewallMode,
    PaymentGateway,
    Target,
)
from stacks.settings.keys import ROLES, TARGET, Certificates, Key, Settings, table

__all__ = [
    "CacheEngine",
    "CertificateSource",
    "DatabaseEngine",
    "FirewallMode",
    "Settings",
    "SettingsError",
    "Target",
    "parse",
    "table",
]

STACK_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


class SettingsError(ValueError):
    """What is wrong with a stack's settings, all of it: one line each in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def parse(stack: str, config: Mapping[str, str]) -> Settings:
    """The settings of a stack, from its Pulumi configuration (`namespace:key` → text).

    Keys of other namespaces (`docker:host`, `pulumi:…`) are left alone.
    Raises SettingsError with every problem at once.
    """
    problems: list[str] = []
    if not STACK_NAME.fullmatch(stack):
        problems.append(
            f'stack name "{stack}" cannot be part of container names:'
            " use at most 31 small letters, digits and hyphens."
        )
    rows = {row.name: row for row in table()}
    values: dict[str, Any] = {}
    for name, text in config.items():
        row = rows.get(name)
        if row is None:
            problems.extend(unknown(name, rows))
            continue
        try:
            values[name] = row.kind.parse(text.strip())
        except ValueError as error:
            problems.append(f'{name}: "{text}" does not do: {error}.')
    roles = {
        role: cls(**{f.name: values[f"{role}:{f.name}"] for f in fields(cls) if f"{role}:{f.name}" in values})
        for role, cls in ROLES.items()
    }
    settings = Settings(stack=stack, target=values.get(TARGET.name, Target.LOCAL), **roles)
    problems.extend(conflicts(settings))
    if problems:
        raise SettingsError(problems)
    return settings


def unknown(name: str, rows: Mapping[str, Key]) -> Iterator[str]:
    """The complaint about a key that no role has, when its namespace is, or looks like, one of ours."""
    namespace = name.split(":", 1)[0]
    ours = [*ROLES, "storestack"]
    if namespace not in ours and not difflib.get_close_matches(namespace, ours, n=1, cutoff=0.75):
        return
    near = difflib.get_close_matches(name, rows, n=1, cutoff=0.5)
    mend = f"did you mean {near[0]}?" if near else "docs/settings.md lists all keys."
    yield f"{name}: there is no such setting; {mend if near else 'remove it, ' + mend}"


def foreign_engines(settings: Settings) -> Iterator[str]:
    """Engines that the bundled store cannot use."""
    fine: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("database:engine", settings.database.engine, (DatabaseEngine.POSTGRES,)),
        ("cache:engine", settings.cache.engine, (CacheEngine.REDIS, CacheEngine.VALKEY)),
    )
    for name, engine, engines in fine:
        if engine not in engines:
            yield (
                f'{name}: "{engine}" is nothing the bundled store can use: set it to {" or ".join(engines)},'
                " or give an image of your own in store:image."
            )


def public(certificates: Certificates) -> bool:
    """Whether the ACME authority is one that everybody trusts, and not one of the owner's."""
    return certificates.acme_authority_file is None


def conflicts(settings: Settings) -> Iterator[str]:
    """What is wrong between two keys that are fine one by one."""
    edge, certificates = settings.edge, settings.certificates
    if edge.http_port == edge.https_port:
        yield f'edge:http_port: "{edge.http_port}" is also edge:https_port: give one of them another port.'
    if settings.back_office_host in (edge.host, "localhost"):
        yield (
            f'edge:back_office_host: "{settings.back_office_host}" is a host of the shop: give the back'
            " office another, or leave it unset."
        )
    own_files = certificates.certificate_file, certificates.key_file
    if certificates.source is CertificateSource.FILES and None in own_files:
        missing = "certificate_file" if certificates.certificate_file is None else "key_file"
        yield f'certificates:source: "files" needs certificates:{missing}: give the path of the PEM file.'
    if certificates.source is not CertificateSource.FILES and any(own_files):
        yield (
            f'certificates:source: "{certificates.source}" does not read certificates:certificate_file or'
            " certificates:key_file: set it to files, or remove them."
        )
    if certificates.source is CertificateSource.ACME and "." not in edge.host and public(certificates):
        yield (
            f'edge:host: "{edge.host}" is no public name, so no public authority certifies it: give the name'
            " that shoppers use, or set certificates:source to own."
        )
    if (
        certificates.source is CertificateSource.ACME
        and public(certificates)
        and settings.back_office_host.endswith("localhost")
        and "." in edge.host
    ):
        yield (
            f'edge:back_office_host: "{settings.back_office_host}" is no public name, so no public authority'
            " certifies it: give a name that points to this machine, or leave it unset."
        )
    store, database = settings.store, settings.database
    if store.carrier is not Carrier.NONE and None in (store.carrier_key, store.carrier_webhook_key):
        missing = "carrier_key" if store.carrier_key is None else "carrier_webhook_key"
        yield f'store:carrier: "{store.carrier}" needs store:{missing}: set it with `--secret`.'
    if store.is_bundled:
        yield from foreign_engines(settings)
    if store.payment_gateway is PaymentGateway.STRIPE and None in (
        store.stripe_key,
        store.stripe_webhook_key,
    ):
        missing = "stripe_key" if store.stripe_key is None else "stripe_webhook_key"
        yield f'store:payment_gateway: "stripe" needs store:{missing}: set it with `--secret`.'
    if store.workers and not store.worker_command:
        yield f'store:workers: "{store.workers}" needs store:worker_command: set it, or use 0 workers.'
    # Beside the pool: the workers' own connections, the release step, three kept for the superuser.
    needed = database.pool_size + 4 * store.workers + 10
    if database.connections < needed:
        yield (
            f'database:connections: "{database.connections}" is less than pool, workers and reserve take:'
            f" use at least {needed}, or a smaller database:pool_size."
        )
