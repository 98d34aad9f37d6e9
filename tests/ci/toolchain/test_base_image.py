"""How the base image is made where none can be pulled."""

import subprocess
from pathlib import Path

import pytest

from ci.toolchain.base_image import FINISH, choose_tool, forbid_services
from ci.toolchain.progress import ToolchainError


def test_root_and_user_have_a_tool_each() -> None:
    both = frozenset({"debootstrap", "mmdebstrap"})
    assert choose_tool(root=True, available=both, can_install=False) == "debootstrap"
    assert choose_tool(root=False, available=both, can_install=False) == "mmdebstrap"


def test_root_installs_the_tool_where_packages_can_be_installed() -> None:
    assert choose_tool(root=True, available=frozenset(), can_install=True) == "debootstrap"


def test_a_user_without_the_tool_learns_what_to_ask_for() -> None:
    with pytest.raises(ToolchainError, match="mmdebstrap, which would make it, is missing: ask an admin"):
        choose_tool(root=False, available=frozenset({"debootstrap"}), can_install=False)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """The parts of a fresh Debian system that are touched."""
    for directory in ("etc/apt", "usr/sbin", "usr/share/doc/bash", "usr/share/man/man1", "var/lib/apt/lists"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "etc/apt/sources.list").write_text("deb https://mirror.test/debian trixie main\n")
    (tmp_path / "usr/share/doc/bash/copyright").touch()
    (tmp_path / "usr/share/doc/bash/README").touch()
    (tmp_path / "usr/share/man/man1/bash.1").touch()
    return tmp_path


def test_the_finished_system_gets_its_fixes_from_the_same_mirror(system: Path) -> None:
    subprocess.run(["sh", FINISH, system], check=True)
    assert (system / "etc/apt/sources.list").read_text().splitlines() == [
        "deb https://mirror.test/debian trixie main",
        "deb https://mirror.test/debian trixie-updates main",
        "deb https://mirror.test/debian-security trixie-security main",
    ]


def test_finishing_twice_changes_nothing_more(system: Path) -> None:
    for _ in range(2):
        subprocess.run(["sh", FINISH, system], check=True)
    assert len((system / "etc/apt/sources.list").read_text().splitlines()) == 3


def test_licences_stay_and_manuals_go(system: Path) -> None:
    subprocess.run(["sh", FINISH, system], check=True)
    assert (system / "usr/share/doc/bash/copyright").exists()
    assert not (system / "usr/share/doc/bash/README").exists()
    assert not (system / "usr/share/man/man1").exists()


def test_an_installed_service_is_not_started(system: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    archive, unpacked = tmp_path_factory.mktemp("archive") / "system.tar", tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "-C", system, "-cf", archive, "."], check=True)
    forbid_services(archive)
    subprocess.run(["tar", "-C", unpacked, "-xf", archive], check=True)
    assert subprocess.run([unpacked / "usr/sbin/policy-rc.d"], check=False).returncode == 101
    assert (unpacked / "etc/apt/sources.list").exists()
