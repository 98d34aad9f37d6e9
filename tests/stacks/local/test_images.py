"""Image names: each follows exactly what its own target is made of."""

from pathlib import Path

import pytest

from stacks.local.images import ROOT, TARGETS, digest, stages

DOCKERFILE = """ARG BASE
FROM ${BASE} AS base
COPY images/base /usr
FROM base AS edge
# a comment
COPY images/edge/ /usr/bin/
FROM base AS libraries
COPY lock /tmp/lock
FROM base AS store
COPY --from=libraries /opt /opt
COPY app/ /srv/app/
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "Dockerfile": DOCKERFILE,
        "images/base/a": "1",
        "images/edge/b": "1",
        "lock": "1",
        "app/main.py": "1",
        "app/__pycache__/main.pyc": "1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("app/main.py", {"store"}),
        ("lock", {"store"}),
        ("images/edge/b", {"edge"}),
        ("images/base/a", {"edge", "store"}),
        ("app/__pycache__/main.pyc", set()),
    ],
)
def test_a_change_renames_the_images_it_is_in_and_no_other(root: Path, path: str, touched: set[str]) -> None:
    before = {target: digest(root, target, "debian") for target in ("edge", "store")}
    (root / path).write_text("2")
    after = {target: digest(root, target, "debian") for target in ("edge", "store")}
    assert {target for target in before if before[target] != after[target]} == touched


def test_an_edit_of_one_stage_renames_that_image_alone(root: Path) -> None:
    before = {target: digest(root, target, "debian") for target in ("edge", "store")}
    (root / "Dockerfile").write_text(DOCKERFILE.replace("/usr/bin/", "/usr/local/bin/"))
    assert digest(root, "edge", "debian") != before["edge"]
    assert digest(root, "store", "debian") == before["store"]


def test_a_comment_renames_nothing_and_the_base_renames_all(root: Path) -> None:
    before = digest(root, "edge", "debian")
    (root / "Dockerfile").write_text(DOCKERFILE.replace("# a comment", "# another"))
    assert digest(root, "edge", "debian") == before
    assert digest(root, "edge", "debian:next") != before


def test_an_executable_bit_counts(root: Path) -> None:
    before = digest(root, "edge", "debian")
    (root / "images/edge/b").chmod(0o755)
    assert digest(root, "edge", "debian") != before


def test_every_target_of_the_program_is_a_stage_whose_sources_exist() -> None:
    found = stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(TARGETS) <= set(found)
    for name, stage in found.items():
        for source in stage.sources:
            assert (ROOT / source).exists(), f"{name} copies {source}"


def test_the_store_for_lambda_is_the_store_and_an_adapter_and_no_stack_builds_it_here() -> None:
    found = stages((ROOT / "Dockerfile").read_text())
    assert found["store-lambda"].parents == ("store", "adapter")
    assert "/opt/extensions/" in found["store-lambda"].text
    assert "images/store-lambda/lambda-adapter" in found["adapter"].text
    assert "store-lambda" not in TARGETS
