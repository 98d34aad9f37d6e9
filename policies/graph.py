"""The resources of one stack as the policies see them: what a program asked for, and who refers to whom.

A graph comes from the engine (`analyzer`) or from a program run under mocks (`recorder`). Values not known
before an update are the marker `UNKNOWN`; reading one raises `UnknownValueError`, so that no policy mistakes
it for "not set". Strings that the program marked as secret are `Secret`, and no message ever quotes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# The engine's own markers inside property values: sdk/go/common/resource/properties.go of Pulumi.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a type marker
OUTPUT_VALUE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_MARKERS = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
# What another resource may use to refer to this one.
IDENTITIES = ("id", "arn", "name", "bucket", "identifier", "clusterIdentifier", "replicationGroupId", "keyId")

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class _Unknown:
    def __repr__(self) -> str:
        return "(not known before the update)"


UNKNOWN = _Unknown()


class Secret(str):
    """Text that a program marked as secret."""

    __slots__ = ()


class UnknownValueError(Exception):
    """A policy needs a value that only the update will tell; `path` names the property."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class UnreadableValueError(Exception):
    """A value is not what AWS would take, so that nothing can be said of what it holds."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why


def decode(value: Any, secret: bool = False) -> Any:  # noqa: PLR0911 - one for each kind of value
    """Property values as the engine sends them, with its markers replaced by `UNKNOWN` and `Secret`."""
    if isinstance(value, str):
        if value in UNKNOWN_MARKERS:
            return UNKNOWN
        return Secret(value) if secret else value
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON numbers arrive as doubles: port 443.0
    if isinstance(value, Mapping):
        kind = value.get(SIGNATURE)
        if kind == SECRET:
            return decode(value.get("value"), secret=True)
        if kind == OUTPUT_VALUE:
            return (
                decode(value["value"], secret or bool(value.get("secret"))) if "value" in value else UNKNOWN
            )
        if kind == RESOURCE_REFERENCE:
            return decode(value.get("id", UNKNOWN), secret)
        return {key: decode(item, secret) for key, item in value.items() if not key.startswith("__")}
    if isinstance(value, Sequence):
        return [decode(item, secret) for item in value]
    return value


def pick(value: Any, path: str, default: Any = None) -> Any:
    """What stands at `path` ("rules[0].action.block") inside nested properties, or `default` where nothing
    does.

    Raises `UnknownValueError` when the way leads through a value not known yet.
    """
    for key, index in _STEP.findall(path):
        if value is UNKNOWN:
            raise UnknownValueError(path)
        if key:
            value = value.get(key) if isinstance(value, Mapping) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        if value is None:
            return default
    if value is UNKNOWN:
        raise UnknownValueError(path)
    return value


def is_set(value: Any, path: str) -> bool:
    """Whether something is given at `path`; a value not known yet is given."""
    try:
        return pick(value, path) not in (None, "", [], {})
    except UnknownValueError:
        return True


def is_true(value: Any) -> bool:
    """Whether a property is on; some providers declare booleans as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: `properties` are what the program asked for, `outputs` what the provider made of them."""

    urn: str
    type: str
    name: str
    properties: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    parent: str = ""
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = ""

    def get(self, path: str, default: Any = None) -> Any:
        return pick(self.properties, path, default)

    def has(self, path: str) -> bool:
        return is_set(self.properties, path)

    def on(self, path: str) -> bool:
        return is_true(self.get(path))

    def items(self, path: str) -> Iterator[tuple[str, Any]]:
        """The entries of a list property with their paths; a single block counts as a list of one."""
        value = self.get(path, [])
        entries = value if isinstance(value, list) else [value]
        for index, entry in enumerate(entries):
            if entry is UNKNOWN:
                raise UnknownValueError(f"{path}[{index}]")
            yield f"{path}[{index}]", entry

    @property
    def label(self) -> str:
        """The type and name as a person says them: `s3/Bucket "media"`."""
        module, _, kind = self.type.rpartition(":")
        package, _, path = module.partition(":")
        subject = path.split("/")[0]
        return f'{subject if subject not in ("", "index") else package}/{kind} "{self.name}"'

    @property
    def identities(self) -> frozenset[str]:
        known = [
            self.id,
            *(source.get(key) for key in IDENTITIES for source in (self.outputs, self.properties)),
        ]
        return frozenset(value for value in known if isinstance(value, str) and value)


class Graph:
    """All resources of a stack, found by type and by who refers to whom."""

    def __init__(self, resources: Iterable[Resource], project: str = "", stack: str = "") -> None:
        self.resources = tuple(resources)
        self.project = project
        self.stack = stack
        self._by_type: dict[str, list[Resource]] = {}
        self._by_urn = {resource.urn: resource for resource in self.resources}
        for resource in self.resources:
            self._by_type.setdefault(resource.type, []).append(resource)

    def find(self, urn: str) -> Resource | None:
        return self._by_urn.get(urn)

    def of_type(self, *types: str) -> Iterator[Resource]:
        for type_ in types:
            yield from self._by_type.get(type_, ())

    def refers(self, origin: Resource, path: str, target: Resource) -> bool:
        """Whether `origin`'s property at `path` names `target`.

        Known values are compared; where they can't be, what the engine recorded as the property's
        dependencies decides, which knows only the top-level property.
        """
        try:
            value = origin.get(path)
        except UnknownValueError:
            value = UNKNOWN
        values = value if isinstance(value, list) else [value]
        if any(isinstance(item, str) and item in target.identities for item in values):
            return True
        return target.urn in origin.property_dependencies.get(re.split(r"[.\[]", path)[0], ())

    def referring(self, target: Resource, path: str, *types: str) -> list[Resource]:
        """The resources of `types` whose property at `path` names `target`."""
        return [origin for origin in self.of_type(*types) if self.refers(origin, path, target)]

    def referred(self, origin: Resource, path: str, *types: str) -> list[Resource]:
        """The resources of `types` that `origin`'s property at `path` names."""
        return [target for target in self.of_type(*types) if self.refers(origin, path, target)]
