"""`make preview`: what a release would change, whether the policies let it, and what it would cost or take.

One page of Markdown, for a terminal and for a comment under a pull request. On AWS the difference is in USD a
month by the price table, a floor as `make cost` is; on one machine it is containers, cores and memory.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ci import cost, deployment
from ci.deployment import COLOUR, POLICIES, DeploymentError, condense
from ci.release import amazon_shipping
from ci.toolchain.cache import CHECKOUT
from ci.toolchain.pulumi_cli import require_cli

CONTAINER: Final = "docker:index/container:Container"
# What the engine calls the parts of one replacement, and what people call it.
OPS: Final = {
    "create": "create",
    "update": "change",
    "replace": "replace",
    "delete": "delete",
    "import": "import",
    "read": "read",
}
# A comment has room for so many; the rest is counted.
ROWS: Final = 100


@dataclass(frozen=True)
class Step:
    """One resource before and after; `old` or `new` is empty where it is made or removed."""

    op: str
    urn: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]


@dataclass
class Plan:
    """What a preview found: every resource's step, breaches of policies by level, and what stopped it."""

    steps: list[Step] = field(default_factory=list)
    mandatory: list[str] = field(default_factory=list)
    advisory: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def changes(self) -> list[Step]:
        return [step for step in self.steps if step.op in OPS]


def run(stack: str) -> Plan:
    """Preview a stack. What stops it is in the plan; raises DeploymentError when there is nothing to tell."""
    if amazon_shipping.is_on_aws(stack) and deployment.exists(stack):
        # Else a fresh checkout, whose settings know of no release, would seem to remove the store.
        amazon_shipping.restore(stack)
    command = [str(require_cli().command), "--non-interactive", "preview", "--stack", stack, "--json"]
    command += ["--policy-pack", str(POLICIES)]
    environment = deployment.environment() | {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    plan = take(done.stdout.splitlines())
    if done.returncode and not (plan.errors or plan.mandatory):
        plan.errors = condense(done.stderr) or [f"pulumi preview ended with exit code {done.returncode}"]
    if done.returncode and not plan.steps:
        raise DeploymentError("\n".join([*plan.errors, *plan.mandatory]))
    return plan


def take(lines: Iterable[str]) -> Plan:
    """What the engine's events say, one JSON document a line."""
    plan = Plan()
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if "resourcePreEvent" in event:
            found = event["resourcePreEvent"]["metadata"]
            plan.steps.append(Step(found["op"], found["urn"], found.get("old") or {}, found.get("new") or {}))
        elif "policyEvent" in event:
            judge(plan, event["policyEvent"])
        elif event.get("diagnosticEvent", {}).get("severity") == "error":
            text = COLOUR.sub("", event["diagnosticEvent"].get("message", ""))
            plan.errors.extend(line for line in condense(text) if line not in plan.errors)
    return plan


def judge(plan: Plan, breach: Mapping[str, Any]) -> None:
    text = " ".join(COLOUR.sub("", breach.get("message", "")).split())
    line = f"{breach.get('policyName', '')}: {text}"
    into = plan.mandatory if breach.get("enforcementLevel") == "mandatory" else plan.advisory
    if line not in into:
        into.append(line)


def states(plan: Plan, side: str) -> list[Mapping[str, Any]]:
    """The resources as they are (`old`) or would be (`new`), each once: a replacement has several steps."""
    found = {step.urn: getattr(step, side) for step in plan.steps if getattr(step, side)}
    gone = {step.urn for step in plan.steps if step.op == "delete"} if side == "new" else set()
    return [state for urn, state in found.items() if urn not in gone]


def resources(found: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """What a stack on one machine takes of it: containers, cores and MB of memory at their limits."""
    inputs = [state.get("inputs") or {} for state in found if state.get("type") == CONTAINER]
    return {
        "containers": len(inputs),
        "cores": sum(float(one.get("cpus") or 0) for one in inputs),
        "MB of memory": sum(float(one.get("memory") or 0) for one in inputs),
    }


def monthly(found: Iterable[Mapping[str, Any]]) -> float | None:
    """USD a month of what a price is known for; None where nothing on AWS is."""
    on_aws = [
        state for state in found if str(state.get("type", "")).startswith(("aws:", "pulumi:providers:aws"))
    ]
    if not on_aws:
        return None
    lines = cost.estimate({"steps": [{"newState": state} for state in on_aws]}, cost.load_prices())
    return sum(line.monthly or 0 for line in lines)


def difference(plan: Plan) -> list[str]:
    """The rows of the table of costs: what it is, before, after, and the difference."""
    old, new = states(plan, "old"), states(plan, "new")
    before, after = monthly(old), monthly(new)
    if before is not None or after is not None:
        now, then = before or 0.0, after or 0.0
        return [f"| USD a month, at least | {now:,.2f} | {then:,.2f} | {then - now:+,.2f} |"]
    taken, wanted = resources(old), resources(new)
    return [
        f"| {what} | {taken[what]:g} | {wanted[what]:g} | {wanted[what] - taken[what]:+g} |"
        for what in wanted
    ]


def render(stack: str, plan: Plan) -> str:
    """The page."""
    changes = plan.changes
    counted = Counter(OPS[step.op] for step in changes)
    summary = ", ".join(f"{number} to {what}" for what, number in counted.items()) or "no change"
    lines = [f"### Preview of {stack}: {summary}", ""]
    for error in plan.errors:
        lines.append(f"- **stopped**: {error}")
    verdict = "no policy is breached"
    if plan.mandatory:
        verdict = f"{len(plan.mandatory)} mandatory policies are breached: this would not be released"
    lines += [f"Policies: {verdict}.", ""]
    lines += [f"- **{breach}**" for breach in plan.mandatory] + [f"- {breach}" for breach in plan.advisory]
    lines += ["| | now | then | difference |", "|---|---:|---:|---:|", *difference(plan), ""]
    if changes:
        lines += ["| | resource | type |", "|---|---|---|"]
        lines += [
            f"| {OPS[step.op]} | {step.urn.rsplit('::', 1)[-1]} | {kind(step.urn)} |"
            for step in changes[:ROWS]
        ]
    if len(changes) > ROWS:
        lines.append(f"| | and {len(changes) - ROWS} more | |")
    return "\n".join(lines).rstrip() + "\n"


def kind(urn: str) -> str:
    return urn.split("::")[-2].rsplit("$", 1)[-1].rsplit(":", 1)[-1]
