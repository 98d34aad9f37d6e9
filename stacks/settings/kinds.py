"""Kinds of setting: how a text becomes a typed value, and what to say when it does not.

A parser raises `ValueError` with what the value must be; the caller adds key and value.
"""

import ipaddress
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=StrEnum)

HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_.-]{1,128})?(@sha256:[0-9a-f]{64})?")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Kind:
    """A type of setting: its name and bounds in words for the table, and its parser."""

    words: str
    parse: Callable[[str], Any]


def integer(minimum: int, maximum: int) -> Kind:
    words = f"a whole number from {minimum} to {maximum}"

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", text) or not minimum <= int(text) <= maximum:
            raise ValueError(f"use {words}")
        return int(text)

    return Kind(words, parse)


def number(minimum: float, maximum: float) -> Kind:
    words = f"a number from {minimum:g} to {maximum:g}"

    def parse(text: str) -> float:
        if not re.fullmatch(r"-?\d{1,9}(\.\d{1,3})?", text) or not minimum <= float(text) <= maximum:
            raise ValueError(f"use {words}, with at most three decimals")
        return float(text)

    return Kind(words, parse)


def choice(enum: type[Choice]) -> Kind:
    words = "one of " + ", ".join(enum)

    def parse(text: str) -> Choice:
        try:
            return enum(text)
        except ValueError:
            raise ValueError(f"use {words}") from None

    return Kind(words, parse)


def boolean() -> Kind:
    def parse(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("use true or false")
        return text == "true"

    return Kind("true or false", parse)


def matching(pattern: re.Pattern[str], words: str) -> Kind:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"use {words}")
        return text

    return Kind(words, parse)


def host() -> Kind:
    return matching(HOST, "a host name in small letters, such as localhost or shop.example.com")


def hosts() -> Kind:
    """Host names and IPv4 addresses separated by spaces."""
    words = "host names in small letters or IPv4 addresses, separated by spaces"

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(text.split())
        if not found or not all(HOST.fullmatch(name) for name in found):
            raise ValueError(f"use {words}")
        return found

    return Kind(words, parse)


def image() -> Kind:
    return matching(IMAGE, "an image name, such as registry.example.com/shop:1.2 or shop@sha256:…")


def tag() -> Kind:
    return matching(TAG, "letters, digits, dots, hyphens and underscores, at most 128")


def email() -> Kind:
    return matching(EMAIL, "an e-mail address")


def https_address() -> Kind:
    return matching(re.compile(r"https://[^\s/]+\S*"), "an https:// address")


def command() -> Kind:
    """A command and its arguments, quoted as in a shell, though none reads it."""

    def parse(text: str) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(text))
        except ValueError:
            raise ValueError("close its quotation marks") from None

    return Kind("a command with its arguments, quoted as in a shell; empty for none", parse)


def paths() -> Kind:
    """URL paths separated by spaces."""
    words = "URL paths that start with /, separated by spaces"

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(text.split())
        if not found or not all(re.fullmatch(r"/[!-~]*", path) for path in found):
            raise ValueError(f"use {words}")
        return found

    return Kind(words, parse)


def file() -> Kind:
    """A file on this machine, relative to the checkout or absolute. Whether it exists is asked later."""

    def parse(text: str) -> PurePosixPath:
        if not text or "\0" in text:
            raise ValueError("use the path of a file")
        return PurePosixPath(text)

    return Kind("the path of a file", parse)


def networks() -> Kind:
    """IPv4 networks and addresses separated by spaces; 0.0.0.0/0 is everybody."""
    words = "IPv4 addresses or networks separated by spaces, such as 10.0.0.0/8 192.0.2.7"

    def parse(text: str) -> tuple[ipaddress.IPv4Network, ...]:
        try:
            found = tuple(ipaddress.IPv4Network(part) for part in text.split())
        except ValueError:
            found = ()
        if not found:
            raise ValueError(f"use {words}")
        return found

    return Kind(words, parse)


def address() -> Kind:
    words = "an IPv4 address of this machine, such as 127.0.0.1, or 0.0.0.0 for all"

    def parse(text: str) -> str:
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            raise ValueError(f"use {words}") from None

    return Kind(words, parse)


def subnet() -> Kind:
    """A private /24: it is split into four /26, of which edge, app and data take three."""
    words = "a private IPv4 network of size /24, such as 10.203.0.0/24"

    def parse(text: str) -> ipaddress.IPv4Network:
        try:
            network = ipaddress.IPv4Network(text)
        except ValueError:
            raise ValueError(f"use {words}") from None
        if network.prefixlen != 24 or not network.is_private or network.is_loopback or network.is_link_local:
            raise ValueError(f"use {words}")
        return network

    return Kind(words, parse)
