"""Load through its command, as a pipeline runs it: judged, reported, refused where it must not go."""

# ruff: noqa: S608  # SQL of this file's own

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from loadtests.faults import show_gateway
from loadtests.invariants import check_invariants
from loadtests.recording import Confirmed
from loadtests.stack import ROOT, Stack
from tests.live.shopping import buy, find_item

# Beside it other tests work: what is asked here is whether it works, not how fast the store is.
RATE = "0.7"


def start(stack: Stack, profile: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "loadtests.run", profile, "--stack", stack.name, *options]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def read_report(output: str) -> dict[str, Any]:
    """The JSON beside the page that the command named last."""
    page = Path(output.strip().splitlines()[-1])
    assert "<svg" in page.read_text()
    document: dict[str, Any] = json.loads(page.with_suffix(".json").read_text())
    return document


def await_fault(stack: Stack, process: subprocess.Popen[str]) -> None:
    deadline = monotonic() + 60
    while not show_gateway(stack):
        assert process.poll() is None, "the run ended before its fault"
        assert monotonic() < deadline, "the gateway was never slow"
        sleep(0.3)


def test_a_run_with_a_fault_keeps_every_order_and_puts_the_fault_on_its_time_axis(stack: Stack) -> None:
    process = start(stack, "slow-payment", "--rate", RATE, "--seconds", "15")
    await_fault(stack, process)
    output, errors = process.communicate(timeout=150)
    assert process.returncode in {0, 1, 3}, output + errors
    report = read_report(output)
    (fault,) = report["faults"]
    assert 3 < fault["begin"] < fault["end"]
    assert not fault["problem"]
    held = {verdict["objective"]: verdict["held"] for verdict in report["verdicts"]}
    assert held["ledgers balance"]
    assert held["orders confirmed to shoppers"]
    assert report["moments"]
    assert report["resources"]["cores"]["web"]
    assert show_gateway(stack) == {}


def test_an_interrupted_run_undoes_its_fault_and_writes_its_report(stack: Stack) -> None:
    process = start(stack, "slow-payment", "--rate", RATE, "--seconds", "60")
    await_fault(stack, process)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=150)
    assert process.returncode == 3, output + errors
    assert "interrupted" in read_report(output)["void"][0]
    assert show_gateway(stack) == {}


def ask(stack: Stack, sql: str) -> str:
    command = ["psql", "-qAtX", "-U", "postgres", "-d", "store", "-v", "ON_ERROR_STOP=1", "-c", sql]
    return stack.run("database", command).strip()


def test_a_store_that_changes_an_order_behind_its_shoppers_back_fails_the_run(stack: Stack) -> None:
    last = int(ask(stack, "SELECT coalesce(max(id), 0) FROM orders"))
    # Long enough that somebody buys, whatever the shoppers draw; the run is ended when somebody has.
    process = start(stack, "smoke", "--rate", RATE, "--seconds", "120")
    order, deadline = "", monotonic() + 90
    while not order:
        assert process.poll() is None, "the run ended before anybody bought"
        assert monotonic() < deadline, "nobody bought"
        sleep(0.5)
        order = ask(stack, f"SELECT min(number) FROM orders WHERE id > {last} AND state = 'confirmed'")
    change = f"UPDATE orders SET subtotal = subtotal {{}} 1, total = total {{}} 1 WHERE number = '{order}'"
    # Its shopper has the answer by then.
    sleep(2)
    ask(stack, change.format("+", "+"))
    try:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=150)
    finally:
        ask(stack, change.format("-", "-"))
    assert process.returncode == 1, output + errors
    assert "orders are wrong" in output
    assert f"{order} is " in output


def test_lost_doubled_and_oversold_are_told_from_the_database_itself(
    stack: Stack, client: httpx.Client
) -> None:
    item = find_item(client, query="mug")
    placed = [buy(client, item).json()["order"] for _ in range(2)]
    shown = [
        Confirmed(order["number"], order["total"]["amount"], f"nobody-{order['number']}@example.com")
        for order in placed
    ]
    assert all(verdict.held for verdict in check_invariants(stack, shown))
    lost = shown[0].number
    with without(stack, lost):
        assert f"{lost} is lost" in told(stack, shown)
    # The address that both were placed with.
    doubled = [shown[0]._replace(email="ada@example.com")]
    assert f"{lost} was placed" in told(stack, doubled)
    more = f"UPDATE stock SET available = available {{}} 1 WHERE variant_id = {item.variant_id}"
    ask(stack, more.format("+"))
    try:
        assert "the movements add up to available" in told(stack, shown)
    finally:
        ask(stack, more.format("-"))
    assert all(verdict.held for verdict in check_invariants(stack, shown))


def told(stack: Stack, shown: list[Confirmed]) -> str:
    return "; ".join(each.measured for each in check_invariants(stack, shown) if not each.held)


@contextmanager
def without(stack: Stack, number: str) -> Iterator[None]:
    """The database without this order, as if it had never been written; afterwards with it."""
    columns = ask(
        stack,
        "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
        " WHERE table_name = 'orders' AND table_schema = 'store' AND is_generated = 'NEVER'",
    )
    # Without the checks of foreign keys, which are triggers.
    unchecked = "SET session_replication_role = replica;"
    ask(stack, f"CREATE TABLE lost AS SELECT {columns} FROM orders WHERE number = '{number}'")
    try:
        ask(stack, f"{unchecked} DELETE FROM orders WHERE number = '{number}'")
        yield
    finally:
        back = f"INSERT INTO orders ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM lost"
        ask(stack, f"{unchecked} {back} ON CONFLICT DO NOTHING; DROP TABLE lost")


@contextmanager
def setting(stack: Stack, key: str, value: str) -> Iterator[None]:
    file = ROOT / f"Pulumi.{stack.name}.yaml"
    before = file.read_text()
    file.write_text(f'{before.rstrip()}\n  {key}: "{value}"\n')
    try:
        yield
    finally:
        file.write_text(before)


def refusal(stack: Stack) -> str:
    """The one line that the command ends with, having sent nothing."""
    process = start(stack, "smoke")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2, output + errors
    assert not output
    (line,) = errors.strip().splitlines()
    return line


def test_a_host_that_the_settings_do_not_list_gets_no_visit(stack: Stack) -> None:
    with setting(stack, "loadtests:hosts", "192.0.2.7"):
        line = refusal(stack)
    assert "load goes only to 192.0.2.7" in line
    assert "loadtests:hosts" in line


def test_a_store_that_is_ill_gets_no_visit(stack: Stack) -> None:
    pooler = stack.container("pooler")
    pooler.pause()
    try:
        line = refusal(stack)
    finally:
        pooler.unpause()
    assert f"make logs STACK={stack.name}" in line


def test_a_worker_without_an_authority_gets_nowhere(stack: Stack) -> None:
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "-t", "1"]
    outcome = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"STORESTACK_URL": stack.url},
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert outcome.returncode != 0
    assert "STORESTACK_CA and STORESTACK_SHOPPER_KEY is not set" in outcome.stdout + outcome.stderr
