"""The facts behind the doctor's verdicts."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ci.toolchain import examination
from ci.toolchain.doctor import Level
from stacks.settings import table

ROUTES = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0101A8C0	0003	0	0	0	00000000	0	0	0
eth0	0001A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
tun0	0000000A	00000000	0001	0	0	0	000000FF	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
"""


def test_settings_are_read_without_a_yaml_library() -> None:
    settings = examination.parse_settings(
        'encryptionsalt: v1:abc\nconfig:\n  edge:https_port: "8443"\n'
        "  network:subnet: 10.1.0.0/24  # office\n  store:web: 3\n  secrets:key:\n    secure: v1:xyz\n"
    )
    assert settings == {"edge:https_port": "8443", "network:subnet": "10.1.0.0/24", "store:web": "3"}


def test_routes_are_read_without_the_default_one_and_dockers() -> None:
    assert examination.parse_routes(ROUTES) == [
        ("the route of eth0", "192.168.1.0/24"),
        ("the route of tun0", "10.0.0.0/8"),
    ]


def test_a_subnet_clashes_with_what_it_overlaps_alone() -> None:
    others = [("office", "10.0.0.0/8"), ("home", "192.168.1.0/24"), ("six", "fd00::/64")]
    assert examination.find_clashes("10.203.0.0/24", others) == ["office (10.0.0.0/8)"]
    assert examination.find_clashes("172.20.0.0/24", others) == []


def test_the_defaults_are_those_of_the_settings() -> None:
    settings = {key.name: key.default for key in table()}
    assert {name: settings[name] for name in examination.DEFAULTS} == examination.DEFAULTS


def test_a_setting_that_cannot_be_read_is_critical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "CHECKOUT", tmp_path)
    (tmp_path / "Pulumi.shop.yaml").write_text(
        "config:\n  edge:https_port: https\n  network:subnet: everywhere\n"
    )
    findings = {found.name: found for found in examination.examine_addresses("shop", reachable=False)}
    assert findings["edge:https_port"].found == "'https' is not a port from 1 to 65535"
    assert findings["network:subnet"].level is Level.CRITICAL
    assert findings["network:subnet"].mend == "correct it in Pulumi.shop.yaml"


def test_a_listening_program_takes_its_port() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert not examination.is_taken(port)
        listener.listen()
        assert examination.is_taken(port)


def test_available_memory_is_not_free_memory() -> None:
    assert examination.read_available_memory("MemFree: 1 kB\nMemAvailable:    2048 kB\n") == 2 << 20


def test_the_age_of_an_image_is_read_with_its_nanoseconds() -> None:
    made = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    age = examination.read_age({"Created": made})
    assert age is not None
    assert age.days == 3
    assert examination.read_age({"Created": ""}) is None


def test_one_file_system_is_reported_once(tmp_path: Path) -> None:
    [(place, free)] = examination.measure_disks([tmp_path / "not" / "made", tmp_path])
    assert place == tmp_path / "not" / "made"
    assert free > 0
