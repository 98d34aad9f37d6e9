"""One part of the toolchain: look for it, and make it when it is not there."""

from collections.abc import Callable
from dataclasses import dataclass

from ci.toolchain.cache import hold_lock
from ci.toolchain.progress import Report, ToolchainError


@dataclass(frozen=True)
class Step:
    """`find` returns what is there in a few words, None when it must be made; `make` makes it."""

    name: str
    find: Callable[[], str | None]
    make: Callable[[Report], None]
    lock: str

    def run(self) -> None:
        """Makes the part unless it is there; of two runs at once, the second finds what the first made."""
        report = Report(self.name)
        found = self.find()
        if found is None:
            with hold_lock(self.lock, report.say):
                found = self.find()
                if found is None:
                    self.make(report)
                    found = self.find()
        if found is None:
            raise ToolchainError(f"{self.name}: it was made, but is not found afterwards; see `make doctor`")
        report.finish(found)
