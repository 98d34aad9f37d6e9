"""A form as it was sent: read field by field, faults collected, shown again with what was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from litestar.datastructures import UploadFile

from app.core.problems import Invalid

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")

_PRICE = re.compile(r"(\d{1,10})(?:[.,](\d{1,2}))?")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}\.[^@\s.]{1,63}")
LARGEST_INTEGER = 2**31 - 1


class Form:
    """Each reader returns a value of its type, also of a wrong field: look at `errors`, or `check()`."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        """`values`: texts by name, or several (a sequence), or files; or what an empty form shows."""
        self.values: dict[str, str] = {}
        self.lists: dict[str, list[str]] = {}
        self.files: dict[str, UploadFile] = {}
        self.errors: dict[str, str] = {}
        for name, value in (values or {}).items():
            if isinstance(value, UploadFile):
                self.files[name] = value
            elif isinstance(value, Sequence) and not isinstance(value, str):
                self.lists[name] = [str(one) for one in value if not isinstance(one, UploadFile)]
                self.values[name] = self.lists[name][-1] if self.lists[name] else ""
            else:
                text = (
                    "" if value is None else "on" if value is True else "" if value is False else str(value)
                )
                self.values[name] = text
                self.lists[name] = [text]

    def text(self, name: str, *, least: int = 1, most: int = 255) -> str:
        """One line, trimmed; with `least=0` it may be empty."""
        value = self.values.get(name, "").strip()
        if len(value) < least:
            return self._fault(name, "Please fill this in.", value)
        if len(value) > most:
            return self._fault(name, f"This has {len(value)} characters; at most {most} fit.", value)
        if any(ord(sign) < 32 for sign in value):
            return self._fault(name, "This holds a control character: type it anew.", "")
        return value

    def prose(self, name: str, *, most: int = 20_000) -> str:
        """Several lines; may be empty."""
        value = self.values.get(name, "").replace("\r\n", "\n").strip()
        if len(value) > most:
            return self._fault(name, f"This has {len(value)} characters; at most {most} fit.", value)
        return value.replace("\0", "")

    def email(self, name: str) -> str:
        value = self.text(name, most=254)
        if value and not _EMAIL.fullmatch(value):
            return self._fault(
                name, f"{value!r} is no e-mail address: write it like name@example.com.", value
            )
        return value

    def integer(self, name: str, *, least: int = 0, most: int = LARGEST_INTEGER) -> int:
        value = self.values.get(name, "").strip()
        if not re.fullmatch(r"[+-]?\d{1,12}", value, re.ASCII) or not least <= int(value) <= most:
            return self._fault(
                name, f"{value!r} does not do: use a whole number from {least} to {most}.", least
            )
        return int(value)

    def money(self, name: str) -> int:
        """An amount such as 12.50, in minor units."""
        value = self.values.get(name, "").strip()
        found = _PRICE.fullmatch(value)
        if not found or not value.isascii():
            return self._fault(name, f"{value!r} is no amount: write it like 12.50.", 0)
        return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))

    def optional_money(self, name: str) -> int | None:
        """As `money`; None when the field is empty."""
        return self.money(name) if self.values.get(name, "").strip() else None

    def flag(self, name: str) -> bool:
        """A checkbox: browsers send nothing for an empty one."""
        return bool(self.values.get(name))

    def choice(self, name: str, kind: type[Choice]) -> Choice:
        value = self.values.get(name, "")
        try:
            return kind(value)
        except ValueError:
            return self._fault(
                name, f"{value!r} is not offered: choose one of {', '.join(kind)}.", next(iter(kind))
            )

    def choices(self, name: str, kind: type[Choice]) -> list[Choice]:
        """Several checkboxes of one name; may be none."""
        known = {str(one) for one in kind}
        wrong = [value for value in self.lists.get(name, []) if value not in known]
        if wrong:
            return self._fault(name, f"{wrong[0]!r} is not offered: choose of {', '.join(kind)}.", [])
        return [kind(value) for value in dict.fromkeys(self.lists.get(name, []))]

    def refuse(self, name: str, message: str) -> None:
        """Add a fault that only the screen can know."""
        self.errors.setdefault(name, message)

    def check(self) -> None:
        """Raise Invalid (422) with every fault so far."""
        if self.errors:
            raise Invalid(self.errors)

    def _fault(self, name: str, message: str, value: Value) -> Value:
        self.refuse(name, message)
        return value


def format_price(amount: int | None) -> str:
    """Minor units as a field shows them: 1250 → 12.50."""
    return "" if amount is None else f"{amount // 100}.{amount % 100:02d}"
