"""Who acts, and on what commit: from the pipeline's variables where one runs, else from this machine."""

import getpass
import os
import socket
import subprocess
from typing import Final

from ci.toolchain.cache import CHECKOUT

# What an image is made from: a change of anything else makes no other image.
SOURCES: Final = ("Dockerfile", "app", "images", "requirements/store.lock")


def who() -> str:
    """A pipeline's user with the address of its run, or user@machine."""
    if actor := os.environ.get("GITHUB_ACTOR"):
        return f"{actor} ({builder()})"
    if actor := os.environ.get("GITLAB_USER_LOGIN"):
        return f"{actor} ({builder()})"
    return f"{user()}@{socket.gethostname()}"


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return str(os.getuid())


def builder() -> str:
    """Where a build runs, as an address: the pipeline's run, or this machine."""
    values = os.environ
    if run := values.get("GITHUB_RUN_ID"):
        return f"{values.get('GITHUB_SERVER_URL')}/{values.get('GITHUB_REPOSITORY')}/actions/runs/{run}"
    if url := values.get("CI_JOB_URL"):
        return url
    return f"machine://{socket.gethostname()}"


def git(*arguments: str) -> str:
    """What git says of this checkout; nothing where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def commit() -> str:
    """The commit of this checkout, with `+changes` when what an image is made from differs from it."""
    found = git("rev-parse", "HEAD")
    if not found:
        return "unknown"
    return f"{found}+changes" if git("status", "--porcelain", "--", *SOURCES) else found
