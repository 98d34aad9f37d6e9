"""What a pipeline's file comes to: jobs of shell steps, and what cannot be run outside its host."""

from dataclasses import dataclass, field


class PipelineError(Exception):
    """A file that no host would accept, or that says what is not known here; the message says where."""


@dataclass(frozen=True)
class Step:
    """One `run:` or one script; `environment` is all that the file sets for it."""

    name: str
    script: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Skipped:
    """A part that only its host can do."""

    what: str
    reason: str


@dataclass
class Job:
    file: str
    name: str
    steps: list[Step] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def title(self) -> str:
        return f"{self.file}: {self.name}"
