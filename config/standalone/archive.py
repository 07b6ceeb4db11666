"""The file of a backup: a tar within age's encryption, written and read as a stream.

Nothing of it stands in clear on a disk while it is written, and it may be larger than the memory.
"""

import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import pyrage

from config.standalone import backup_key

PIECE: Final = 1 << 20


class Unreadable(Exception):
    """The file cannot be opened with this key, or was damaged or cut off."""


@contextmanager
def written(target: IO[bytes], recipient: pyrage.x25519.Recipient) -> Iterator[tarfile.TarFile]:
    """A tar to add to, encrypted into `target` on its way."""
    reading_end, writing_end = os.pipe()

    def encrypt() -> None:
        with open(reading_end, "rb") as clear:
            pyrage.encrypt_io(clear, target, [recipient])

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(encrypt)
        try:
            with open(writing_end, "wb") as clear, tarfile.open(fileobj=clear, mode="w|") as archive:
                yield archive
        except BrokenPipeError:
            done.result()  # why nobody reads any more
            raise
        done.result()


def _is_encrypted(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(backup_key.ENCRYPTED)) == backup_key.ENCRYPTED


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """The tar in a backup, to be read once from its beginning to its end; what was read is good when this has ended.

    Raises:
        Unreadable: it was not written for this key, or is not whole.
        KeyUnusable: there is no key.
        tarfile.TarError: it is something else.
    """
    if not _is_encrypted(path):  # as backups once were
        with tarfile.open(path) as archive:
            yield archive
        return
    identity = backup_key.identity()
    reading_end, writing_end = os.pipe()

    def decrypt() -> None:
        with open(path, "rb") as file, open(writing_end, "wb") as clear:
            pyrage.decrypt_io(file, clear, [identity])

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(decrypt)
        try:
            with open(reading_end, "rb") as clear, tarfile.open(fileobj=clear, mode="r|") as archive:
                yield archive
                while clear.read(PIECE):
                    pass
        except tarfile.TarError:
            _refuse_damaged(done)
            raise
        _refuse_damaged(done)


def _refuse_damaged(done: "Future[None]") -> None:
    try:
        done.result()
    except (pyrage.DecryptError, OSError) as error:
        raise Unreadable(f"It is not whole, or was written for another key than the one given ({error}).") from error
