"""What kind of machine this is, and packages from its distribution when it is Debian's or Ubuntu's."""

import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path

from ci.toolchain.progress import Report, ToolchainError, run

# Another apt (a boot-time upgrade, a second run) may hold the lock for some minutes.
_APT_LOCK_SECONDS = 300


# Where distributions keep the authorities the machine trusts: Debian, Fedora, SUSE.
_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)


def trust_own_authorities() -> None:
    """Makes every tool started from here trust what the machine trusts, unless its user said otherwise.

    uv and pip bring lists of their own, which lack the authority of a company's TLS-inspecting proxy.
    """
    bundle = next((file for file in _AUTHORITIES if Path(file).exists()), None)
    if bundle and "SSL_CERT_DIR" not in os.environ:
        os.environ.setdefault("SSL_CERT_FILE", bundle)
        os.environ.setdefault("PIP_CERT", os.environ["SSL_CERT_FILE"])


def is_root() -> bool:
    return os.geteuid() == 0


def parse_os_release(text: str) -> dict[str, str]:
    """Returns the fields of /etc/os-release without their quotes."""
    fields = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, value in fields}


def is_debian_family(release: dict[str, str]) -> bool:
    """Says whether apt packages under Debian's names are what this machine installs."""
    return not {"debian", "ubuntu"}.isdisjoint([release.get("ID", ""), *release.get("ID_LIKE", "").split()])


def read_os_release() -> dict[str, str]:
    file = Path("/etc/os-release")
    return parse_os_release(file.read_text()) if file.exists() else {}


def can_install_packages() -> bool:
    return is_root() and is_debian_family(read_os_release()) and shutil.which("apt-get") is not None


def install_packages(packages: Sequence[str], report: Report) -> None:
    """Installs distribution packages; the caller has asked `can_install_packages` first."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={_APT_LOCK_SECONDS}"]
    mend = f"run `apt-get install {' '.join(packages)}` by hand to see why"
    # An installation that was killed half-way blocks every later one until this is done.
    run(["dpkg", "--configure", "-a"], report, "finishing interrupted installations", env=environment)
    run([*apt, "update"], report, "refreshing the package lists", env=environment, mend=mend)
    install = [*apt, "install", "-y", "--no-install-recommends", *packages]
    run(install, report, f"installing {' '.join(packages)}", env=environment, mend=mend)


def name_platform() -> tuple[str, str]:
    """Returns (system, processor) as Go names them: ("linux", "amd64")."""
    system, processor = platform.system().lower(), platform.machine().lower()
    known = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    if system not in ("linux", "darwin") or processor not in known:
        raise ToolchainError(
            f"the toolchain is not made for {system} on {processor}: use Linux on x86_64 or arm64"
        )
    return system, known[processor]
