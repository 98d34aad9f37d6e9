"""The provider plugin, and what is refused as its source."""

from pathlib import Path

import pytest

from ci.toolchain import docker_provider, pins
from ci.toolchain.golang import Go, copy_sources
from ci.toolchain.progress import ToolchainError


class OtherSource(Go):
    """A Go whose module proxy serves something else under the pinned name."""

    def __init__(self, directory: Path) -> None:
        super().__init__(Path("go"), {})
        self.source = directory

    def download_module(self, module: str, directory: Path) -> tuple[Path, str]:
        return self.source, "h1:somethingElse="


def test_the_plugin_lies_where_the_engine_looks(cache: Path, tmp_path: Path) -> None:
    place = tmp_path / "pulumi-home" / "plugins" / "resource-docker-v5.2.0" / "pulumi-resource-docker"
    assert docker_provider.locate_plugin() == place
    assert docker_provider.STEP.find() is None


def test_a_source_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    copy_sources("docker_provider", tmp_path / "source")
    with pytest.raises(ToolchainError, match=r"h1:somethingElse=, h1:.* was pinned"):
        docker_provider._add_upstream(OtherSource(tmp_path), tmp_path / "source")


def test_the_pins_agree_with_the_sources(tmp_path: Path) -> None:
    copy_sources("docker_provider", tmp_path)
    assert f'Version = "{pins.DOCKER_PROVIDER}"' in (tmp_path / "provider.go").read_text()
    assert pins.DOCKER_UPSTREAM.split("@")[1] in (tmp_path / "go.mod").read_text()
    copy_sources("pulumi_cli", tmp_path)
    module = (tmp_path / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{pins.PULUMI}" in module
    assert f"\ngo {pins.OLDEST_GO}\n" in module
