"""What a pipeline's file comes to: jobs of shell steps, and what cannot be run outside its host."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


class PipelineError(Exception):
    """A file that no host would accept, or that says what is not known here; the message says where."""


@dataclass(frozen=True)
class Step:
    """One `run:` or one script; `environment` is all that the file sets for it.

    `unmet` is its condition where that does not hold: a rehearsal runs the step all the same.
    """

    name: str
    script: str
    environment: dict[str, str]
    unmet: str = ""


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

    def with_environment(self, instead: Mapping[str, str]) -> "Job":
        """The job with other values of what its file sets. Raises PipelineError for what it does not set."""
        known = {name for step in self.steps for name in step.environment}
        if unknown := sorted(set(instead) - known):
            raise PipelineError(f"{self.title} sets no {', '.join(unknown)}")
        steps = [replace(step, environment=step.environment | dict(instead)) for step in self.steps]
        return replace(self, steps=steps)

    @property
    def title(self) -> str:
        return f"{self.file}: {self.name}"
