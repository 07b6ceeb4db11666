"""The key of backups (age's X25519): its public half encrypts, its secret half opens, and neither is in a backup.

With `BACKUP_RECIPIENT` (`age1…`) this machine can only write backups. Without, a key pair is made with the first backup
in a folder of its own, `ONETILL_HOME/backup-key`: `identity.txt` belongs into a safe, `recipient.txt` stays. Both
are as the program `age` writes them, which therefore opens a backup, too.
"""

import fcntl
from pathlib import Path
from typing import Final

import pyrage
from django.conf import settings

from config import env
from config.standalone import home

RECIPIENT: Final = "recipient.txt"
IDENTITY: Final = "identity.txt"
ENCRYPTED: Final = b"age-encryption.org/v1\n"  # how a file begins that age has written


class KeyUnusable(Exception):
    """The key of a backup is missing, or is no key; the text explains what to do."""


def folder() -> Path:
    """Where the pair is that this installation made for itself."""
    return settings.ONETILL_HOME / "backup-key"


def recipient() -> pyrage.x25519.Recipient:
    """Whom a backup is written for; the first time, a pair is made.

    Raises:
        KeyUnusable: what is given, or found, is no recipient.
    """
    given = env.text("BACKUP_RECIPIENT")
    if not given:
        given = _own()
    try:
        return pyrage.x25519.Recipient.from_str(given)
    except pyrage.RecipientError as error:
        raise KeyUnusable("BACKUP_RECIPIENT must be a public key of age: age1…") from error


def identity() -> pyrage.x25519.Identity:
    """What opens a backup: the file `BACKUP_IDENTITY`, or our own; with `BACKUP_PASSPHRASE` where it is encrypted.

    Raises:
        KeyUnusable: there is none, or it is none.
    """
    path = Path(env.text("BACKUP_IDENTITY", str(folder() / IDENTITY)))
    if not path.exists():
        raise KeyUnusable(
            f"This backup is encrypted, and {path} is not there. Bring its key from where it is kept, "
            "and name it: BACKUP_IDENTITY=/path/to/identity.txt"
        )
    lines = _opened(path.read_bytes()).decode(errors="replace").splitlines()
    keys = [line.strip() for line in lines if line.strip().startswith("AGE-SECRET-KEY-")]
    try:
        return pyrage.x25519.Identity.from_str(keys[0])
    except (IndexError, pyrage.IdentityError) as error:
        raise KeyUnusable(f"{path} holds no secret key of age (AGE-SECRET-KEY-…).") from error


def whereabouts() -> str:
    """Return the advice where the secret key is, printed after a backup."""
    if env.text("BACKUP_RECIPIENT"):
        return "It opens with the key whose public half is BACKUP_RECIPIENT, which is not on this machine."
    path = folder() / IDENTITY
    if not path.exists():
        return f"It opens with the key that was taken away from {path}."
    return (
        f"It opens with the key {path}, and with nothing else. KEEP A COPY OF THAT KEY ELSEWHERE (a safe, another "
        "machine), never beside the backups: both together open everything, and without the key nothing comes back."
    )


def _own() -> str:
    """The public half of our own pair; of two first backups at once both get the same."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(folder() / ".lock", "w", opener=home.private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder() / RECIPIENT
        return path.read_text().strip() if path.exists() else _make()


def _make() -> str:
    """A new pair; the public half comes last, so that a pair which lacks it is none."""
    pair = pyrage.x25519.Identity.generate()
    public = str(pair.to_public())
    secret = f"# public key: {public}\n{pair}\n".encode()
    if passphrase := env.text("BACKUP_PASSPHRASE"):
        secret = pyrage.passphrase.encrypt(secret, passphrase)
    for name, content in ((IDENTITY, secret), (RECIPIENT, f"{public}\n".encode())):
        with open(folder() / name, "wb", opener=home.private) as file:
            file.write(content)
    return public


def _opened(content: bytes) -> bytes:
    if not content.startswith(ENCRYPTED):
        return content
    try:
        return bytes(pyrage.passphrase.decrypt(content, env.text("BACKUP_PASSPHRASE")))
    except pyrage.DecryptError as error:
        raise KeyUnusable("The backup's key is encrypted itself: set BACKUP_PASSPHRASE to its passphrase.") from error
