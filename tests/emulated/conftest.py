"""The AWS program under the real engine and provider, against an emulator on 127.0.0.1.

Needs `pulumi`, a provider plugin for pulumi-aws and the emulator `ministack`; without one of them the tests
skip and say which. Nothing here reaches AWS: endpoint, credentials and account are the emulator's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pulumi_aws", reason="pulumi-aws is not installed: install requirements/aws.lock")

import pulumi
from pulumi import automation

from stacks.aws.environment import deploy
from stacks.aws.settings import parse
from tests.emulated.scaling import Scaling, serve
from tests.ports import free_port

# What the emulator does not give back as it was sent, by type: seen as a change on every run. No other is
# let pass. A flow log's destination cannot be changed in place, so it is replaced.
NOT_ECHOED = {
    "aws:ec2/flowLog:FlowLog": {"iamRoleArn", "maxAggregationInterval", "tagsAll"},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        "actionsEnabled",
        "alarmDescription",
        "dimensions",
        "period",
        "statistic",
        "extendedStatistic",
        "treatMissingData",
    },
    "aws:ecs/service:Service": {"availabilityZoneRebalancing"},
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {
        "customHeadersConfig",
        "removeHeadersConfig",
    },
    "aws:elasticache/replicationGroup:ReplicationGroup": {"autoMinorVersionUpgrade"},
    "aws:cloudtrail/trail:Trail": {"tagsAll"},
    "aws:appautoscaling/target:Target": {"tagsAll"},
}

# Longer than any test. A connection that the emulator closes for being idle may just have brought a request:
# that is done, its answer is lost, and the SDK's second try is told that what it makes is there already.
KEEP_ALIVE_SECONDS = 3600
POLICIES = Path(__file__).resolve().parents[2] / "policies"


@dataclass(frozen=True)
class Step:
    """What the engine does, or would do, to one resource, and the properties that differ."""

    op: str
    type: str
    name: str
    differs: frozenset[str]

    @property
    def explained(self) -> bool:
        """True where the emulator's forgetting is the only cause."""
        if self.op == "delete-replaced":
            # The second half of a replacement, whose first half has the properties and is judged by them.
            return True
        return bool(self.differs) and self.differs <= NOT_ECHOED.get(self.type, set())


def pytest_configure(config: pytest.Config) -> None:
    """The SDK warns of its own old names on import."""
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_aws.*")


@pytest.fixture(scope="session")
def plugin() -> None:
    """Skip unless the engine and the provider are on this machine; nothing is fetched for a test."""
    if shutil.which("pulumi") is None:
        pytest.skip("no `pulumi` on PATH")
    answer = subprocess.run(["pulumi", "plugin", "ls", "--json"], capture_output=True, text=True, check=False)
    if not any(item["name"] == "aws" for item in json.loads(answer.stdout or "[]")):
        pytest.skip(
            "no AWS provider plugin: `pulumi plugin install resource aws 7.51.1` makes these tests run"
        )


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator's address; it is started without Docker, so tasks are said to run but do not."""
    if importlib.util.find_spec("ministack") is None:
        pytest.skip("no emulator: install requirements/aws.lock")
    port, log = free_port(), tmp_path_factory.mktemp("emulator") / "log"
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent.sock",
    }
    # As `ministack --detach` starts it, but for the time.
    command = [sys.executable, "-m", "hypercorn", "ministack.app:app", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "0", "--keep-alive", str(KEEP_ALIVE_SECONDS)]
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=1).close()
            break
        except urllib.error.HTTPError:
            break
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
    yield address
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="session")
def scaling() -> Iterator[tuple[Scaling, str]]:
    state = Scaling()
    server, address = serve(state)
    yield state, address
    server.shutdown()


class Environment:
    """One stack of its own: `up`, `preview`, `refresh` and `destroy` with settings that tests change."""

    def __init__(self, folder: Path, stack: str, config: dict[str, str], variables: dict[str, str]) -> None:
        self.config, self._stack_name = config, stack
        self.stack = automation.create_or_select_stack(
            stack_name=stack,
            project_name="storestack",
            program=self._program,
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(folder),
                env_vars=variables,
                project_settings=automation.ProjectSettings(
                    name="storestack",
                    runtime="python",
                    backend=automation.ProjectBackend(url=f"file://{folder}"),
                ),
            ),
        )

    def _program(self) -> None:
        settings = parse(self._stack_name, self.config, datetime.now(UTC))
        for name, value in deploy(settings).items():
            pulumi.export(name, value)

    def steps(self, verb: str) -> list[Step]:
        """Run `up` or `preview` and return what was, or would be, done; what stays the same is left out."""
        found: list[Step] = []

        def note(event: automation.EngineEvent) -> None:
            if event.resource_pre_event is None:
                return
            metadata = event.resource_pre_event.metadata
            if metadata.op.value not in ("same", "read") and metadata.type.startswith("aws:"):
                name = metadata.urn.rsplit("::", 1)[1]
                found.append(Step(metadata.op.value, metadata.type, name, frozenset(metadata.diffs or ())))

        run = self.stack.up if verb == "up" else self.stack.preview
        run(color="never", on_event=note)
        return found

    def types(self) -> list[str]:
        """Return the types of what the stack holds, its own bookkeeping left out."""
        deployment = self.stack.export_stack().deployment or {}
        return [item["type"] for item in deployment.get("resources", []) if item["type"].startswith("aws:")]


@pytest.fixture(scope="session")
def make_environment(
    plugin: None, emulator: str, scaling: tuple[Scaling, str], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": emulator,
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_OPTION_POLICY_PACK": str(POLICIES),
    }

    def make(stack: str, **more: str) -> Environment:
        config = {
            "aws:region": "us-east-1",
            "aws:skipCredentialsValidation": "true",
            "aws:skipMetadataApiCheck": "true",
            "aws:s3UsePathStyle": "true",
            "aws:maxRetries": "3",
            "aws:endpoints": json.dumps([{"applicationautoscaling": scaling[1]}]),
            "storestack:owner": "platform",
            "storestack:cost_centre": "shop",
            "certificates:domain": "shop.example.com",
            "certificates:create_zone": "true",
            "monitoring:email": "on-call@example.com",
            "store:image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/store@sha256:" + "ab" * 32,
            "store:payment_gateway": "stripe",
            "store:stripe_key": "sk_test_1",
            "store:stripe_webhook_key": "whsec_1",
            "store:smtp_url": "smtps://shop@mail.example.com:465",
            # The emulator knows no logging of web ACLs.
            "firewall:logs": "false",
            **{name.replace("__", ":", 1): value for name, value in more.items()},
        }
        return Environment(tmp_path_factory.mktemp(stack), stack, config, variables)

    return make
