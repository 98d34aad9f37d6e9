"""The command line, as the Makefile calls it."""

import ast
import errno
import subprocess
import sys
from pathlib import Path

import ci.toolchain
from ci.toolchain.cache import CHECKOUT
from ci.toolchain.command import describe_os_error
from ci.toolchain.machine import is_debian_family, parse_os_release

PACKAGE = Path(ci.toolchain.__file__).parent


def test_an_old_python_can_read_the_line_that_refuses_it() -> None:
    for file in (PACKAGE / "__main__.py", PACKAGE / "__init__.py", PACKAGE.parent / "__init__.py"):
        ast.parse(file.read_text(), feature_version=(3, 4))


def test_nothing_but_the_standard_library_is_imported() -> None:
    script = (
        "import sys; from ci.toolchain import command, examination\n"
        "print({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - {'ci'})"
    )
    # -S: without site-packages, as on a machine that has none.
    printed = subprocess.check_output(
        [sys.executable, "-S", "-c", script], cwd=CHECKOUT, text=True, env={"PATH": "/bin"}
    )
    assert printed.strip() in ("{'__main__'}", "set()")


def test_an_unknown_verb_is_refused() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "ci.toolchain", "instal"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "'instal'" in refused.stderr


def test_a_full_disk_is_one_line_with_its_mend() -> None:
    line = describe_os_error(OSError(errno.ENOSPC, "No space left on device", "/cache/x"))
    assert "'/cache/x'" in line
    assert "free some space" in line
    assert "\n" not in line


def test_debians_family_is_known_by_its_release_file() -> None:
    assert is_debian_family(parse_os_release('ID=debian\nVERSION_ID="12"\n'))
    assert is_debian_family(parse_os_release('ID=linuxmint\nID_LIKE="ubuntu debian"\n'))
    assert not is_debian_family(parse_os_release('# comment\nID="rocky"\nID_LIKE="rhel centos fedora"\n'))
