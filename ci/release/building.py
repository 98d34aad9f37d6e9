"""`make build`: the store's image once per version, with its SBOM and its provenance, its digest recorded.

A version is named by what the image is made of, so the same sources are the same version, and are built once.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

import docker
import yaml
from docker.errors import ImageNotFound

from ci import deployment, preflight
from ci.deployment import DeploymentError
from ci.release import artifacts, journal, people, provenance, sbom
from ci.release.artifacts import Artifact
from ci.toolchain.cache import CHECKOUT
from ci.toolchain.pulumi_cli import require_cli
from stacks.local.images import ROOT, build_log, digest
from stacks.settings.keys import Images

PROGRAM: Final = Path(__file__).with_name("builder_program.py")
STACK: Final = "build"


def build(output: Path | None = None, base: str = Images.base) -> Artifact:
    """Build what this checkout holds, or find it built. Raises DeploymentError with its last words."""
    client = preflight.connect()
    version = digest(ROOT, "store", base)
    known = artifacts.load(version)
    if known is None or not is_there(client, known.image):
        began = journal.now()
        image = make_image(base)
        known = Artifact(version, image, people.commit(), True, journal.now(), base)
        papers = artifacts.folder(version)
        papers.mkdir(parents=True, exist_ok=True)
        contents = sbom.read(client, image)
        write(papers / "sbom.cdx.json", sbom.render(known, contents))
        write(papers / "provenance.json", provenance.render(known, began, base_digest(client, base)))
        # Last: what has it is whole.
        artifacts.save(known)
    if output is not None:
        shutil.copytree(artifacts.folder(version), output, dirs_exist_ok=True)
    return known


def is_there(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


def base_digest(client: docker.DockerClient, base: str) -> str:
    return str(client.images.get(base).id)


def write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def make_image(base: str) -> str:
    """The id of the built image. Its program's state is thrown away: the engine knows what there is."""
    log = CHECKOUT / build_log(STACK, "store")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as place:
        project = {
            "name": "storestack-build",
            "backend": {"url": Path(place).as_uri()},
            "runtime": {"name": "python", "options": {"virtualenv": str(CHECKOUT / ".venv")}},
        }
        Path(place, "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
        shutil.copy(PROGRAM, Path(place, "__main__.py"))
        run(place, base, "stack", "init", STACK)
        run(place, base, "up", "--yes", "--skip-preview", "--stack", STACK)
        return str(json.loads(run(place, base, "stack", "output", "--json", "--stack", STACK))["image"])


def run(place: str, base: str, *arguments: str) -> str:
    """What a Pulumi command prints. Raises DeploymentError with what broke the build."""
    environment = deployment.environment() | {
        "PULUMI_BACKEND_URL": Path(place).as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PYTHONPATH": str(CHECKOUT),
        "STORESTACK_BASE": base,
    }
    environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    command = [str(require_cli().command), "--non-interactive", "--color=never", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = deployment.failed_build(f"::storestack-{STACK}-store-image") or deployment.condense(
            done.stderr + done.stdout
        )
        raise DeploymentError(said[-1] if said else f"pulumi {arguments[0]} failed")
    return done.stdout
