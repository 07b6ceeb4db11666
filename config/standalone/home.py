"""Where an installation lives (`ONETILL_HOME`) and the secrets it made for itself there, once."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from config import env

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
SYSTEM_HOME: Final = Path("/var/lib/onetill")


class Running(Exception):
    """Onetill runs from this home."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What nobody needs to know by heart. Environment variables go before these."""

    secret_key: str
    encryption_key: str
    superuser_password: str
    owner_password: str
    application_password: str


def home() -> Path:
    """The folder of this installation's data: `.onetill` in the project, `/var/lib/onetill` as root."""
    return Path(env.text("ONETILL_HOME", str(usual()))).expanduser().absolute()


def usual() -> Path:
    """Return the default, used unless `ONETILL_HOME` is set."""
    return SYSTEM_HOME if os.geteuid() == 0 else PROJECT / ".onetill"


def read_secrets(folder: Path) -> Secrets:
    """Read the folder's secrets, making them the first time; two processes starting at once get the same.

    Raises:
        ImproperlyConfigured: the folder belongs to another user.
    """
    path = folder / "secrets.json"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(path)
        return Secrets(**json.loads(path.read_text()))
    except OSError as error:
        raise _unusable(path, error) from error
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(
            f"{path} is damaged. Put its copy from the safe back; without it what is encrypted cannot be read."
        ) from error


def hash_key(encryption_keys: list[str]) -> str:
    """The key of hashes where `HASH_KEY` is not set: the encryption key, as long as there has only been one.

    Raises:
        ImproperlyConfigured: keys are being changed, and the one of hashes must not change with them.
    """
    if len(encryption_keys) > 1:
        raise ImproperlyConfigured(
            "HASH_KEY is not set, and ENCRYPTION_KEYS holds several keys. Set HASH_KEY to the key that was there first "
            "(the last of ENCRYPTION_KEYS), and never change it again: voucher codes, card fingerprints and pairing "
            "codes are recognized by hashes that were made with it."
        )
    return encryption_keys[0]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a home for ourselves.

    Raises:
        Running: another process holds the lock.
        ImproperlyConfigured: the folder belongs to another user.
    """
    path = folder / "run.lock"
    try:
        opened = open(path, "w", opener=private)  # noqa: SIM115 (closed by the next line but one)
    except OSError as error:
        raise _unusable(path, error) from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Running(f"Onetill runs from {folder}. End it first, or set another ONETILL_HOME and PORT.") from None
        yield


def private(path: str, flags: int) -> int:
    """An opener for files that are nobody else's."""
    return os.open(path, flags, 0o600)


def _unusable(path: Path, error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{path} cannot be used ({error.strerror}). Work as the user it belongs to, or set ONETILL_HOME."
    )


def _make(path: Path) -> None:
    with open(path.with_suffix(".lock"), "w", opener=private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return
        fresh = Secrets(*(secrets.token_urlsafe(48) for _ in Secrets.__dataclass_fields__))
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with open(draft, "x", opener=private) as file:
            json.dump(asdict(fresh), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
