"""What the balancer is told, and which web containers it may send requests to."""

import json

from stacks.local.configuration import haproxy
from stacks.local.configuration.haproxy import BalancerConfiguration, Server

CONFIGURATION = BalancerConfiguration(
    threads=2, back_office_host="admin.example", server_connections=24, queue=50, queue_seconds=3
)


def servers(*names: str) -> str:
    return haproxy.render_servers(CONFIGURATION, [Server(name, f"storestack-{name}") for name in names])[
        "store.cfg"
    ]


def test_only_admitted_containers_are_in_the_list() -> None:
    text = servers("web-1", "web-2")
    listed = [line.split()[1:] for line in text.splitlines() if line.strip().startswith("server ")]
    assert listed == [
        ["web-1", "storestack-web-1:8000"],
        ["web-2", "storestack-web-2:8000"],
        ["web-1", "storestack-web-1:8000", "track", "store/web-1"],
        ["web-2", "storestack-web-2:8000", "track", "store/web-2"],
    ]


def test_the_back_office_does_not_queue_behind_shoppers() -> None:
    main = haproxy.render(CONFIGURATION)["haproxy.cfg"]
    own = main.index("use_backend %[str(back_office)] if { req.hdr(host),field(1,:) -i admin.example }")
    assert own < main.index("use_backend %[str(store)]")
    assert "queue ge" not in servers("web-1").split("backend back_office")[1]


def test_another_store_may_listen_on_another_port() -> None:
    text = haproxy.render_servers(CONFIGURATION, [Server("a", "b")], port=3000)["store.cfg"]
    assert "server a b:3000\n" in text


def test_the_balancer_starts_before_the_first_container_is_admitted() -> None:
    main = haproxy.render(CONFIGURATION)["haproxy.cfg"]
    assert "backend store" not in main
    assert main.index("use_backend %[str(store)]") < main.index("default_backend unavailable")


def test_a_full_store_sheds_browsing_before_checkouts() -> None:
    text = servers("web-1")
    assert "{ queue ge 50 } !checkout" in text
    assert "{ queue ge 100 }\n" in text
    assert "maxconn 24 " in text
    assert "timeout queue 3s" in haproxy.render(CONFIGURATION)["haproxy.cfg"]


def test_only_what_cannot_act_twice_is_sent_again() -> None:
    assert "http-request disable-l7-retry unless METH_GET" in haproxy.render(CONFIGURATION)["haproxy.cfg"]


def test_figures_and_switches_are_open_to_the_container_alone() -> None:
    main = haproxy.render(CONFIGURATION)["haproxy.cfg"]
    binds = [line.split()[1] for line in main.splitlines() if line.strip().startswith("bind ")]
    assert binds == [":8080", "127.0.0.1:8404"]
    assert main.index("stats enable") > main.index("bind 127.0.0.1:8404")


def test_an_apology_is_one_line_per_kind_and_the_api_gets_a_problem() -> None:
    lines = haproxy.render(CONFIGURATION)["apologies.map"].splitlines()
    kinds = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    assert set(kinds) == {f"{status}{path}" for status in (502, 503, 504) for path in ("/", "/api/")}
    for status in (502, 503, 504):
        assert json.loads(kinds[f"{status}/api/"])["status"] == status
        assert kinds[f"{status}/"].startswith("<!doctype html>")
        assert kinds[f"{status}/"].endswith("</html>")
