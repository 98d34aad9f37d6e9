"""Files of a volume as data: what belongs in it, as a tar, as a digest. Pure, and quick to import."""

import hashlib
import io
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Volume:
    """A volume, where it is mounted, and the files that belong in it (path relative to the mount)."""

    name: str
    path: str
    files: Mapping[str, str]


def archive(files: Mapping[str, str], uid: int, mode: int) -> bytes:
    """A tar of the files and their folders, owned by `uid`."""
    buffer = io.BytesIO()
    folders: set[str] = set()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in sorted(files.items()):
            parts = path.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                folder = "/".join(parts[:depth])
                if folder not in folders:
                    folders.add(folder)
                    entry = tarfile.TarInfo(folder)
                    entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o755, uid, uid
                    tar.addfile(entry)
            content = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.uid, entry.gid = len(content), mode, uid, uid
            entry.mtime = int(time.time())
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def digest(files: Mapping[str, str]) -> str:
    """What the files hold, in one line."""
    sums = hashlib.sha256()
    for path, text in sorted(files.items()):
        sums.update(f"{len(path)} {path} {len(text)} {text}".encode())
    return sums.hexdigest()
