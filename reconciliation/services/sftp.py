"""Put a file onto somebody's server by SFTP.

The server is known by its host key, which a person has compared and confirmed: another one is refused, and none is
trusted because it was the first. Private addresses are refused as for webhooks. A file gets its name when it is whole.

AsyncSSH is loaded where it is used: it would take a tenth of the start of every process, and few put files anywhere.
"""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from payments.notify import outbound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncssh

CONNECT_SECONDS: Final = 10.0
TRY_SECONDS: Final = 20.0  # while a person waits
DEADLINE_SECONDS: Final = 300.0  # for a whole file: a server that trickles must not hold a worker
PIECE: Final = 1 << 18
PORT: Final = 22

T = TypeVar("T")


class SftpFailed(Exception):
    """What went wrong, by a code: `sftp_unreachable`, `sftp_address_refused`, `sftp_host_key_changed`, …"""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where files go and who signs in, by a password or a private key. `host_key` is one line of OpenSSH."""

    host: str
    port: int = PORT
    user: str
    folder: str = ""
    host_key: str
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)


def host_key(host: str, port: int) -> str:
    """Return the key that a server shows, to be compared by a person; nobody signs in.

    Raises:
        SftpFailed: `sftp_unreachable`, `sftp_address_refused`.
    """
    return _run(_host_key(host, port), TRY_SECONDS)


def fingerprint(key: str) -> str:
    """Return a host key as people compare it, `SHA256:…`."""
    import asyncssh  # noqa: PLC0415 (see above)

    return asyncssh.import_public_key(key).get_fingerprint()


def is_private_key(text: str) -> bool:
    """Return whether this is a private key that needs no passphrase."""
    import asyncssh  # noqa: PLC0415 (see above)

    try:
        asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        return False
    return True


def put(server: Server, name: str, source: IO[bytes]) -> None:
    """Write a file under its name, in place of one that has it.

    Raises:
        SftpFailed: as `attempt`.
    """
    _run(_put(server, name, source), DEADLINE_SECONDS)


def attempt(server: Server) -> None:
    """Sign in, and write and remove an empty file.

    Raises:
        SftpFailed: `sftp_unreachable`, `sftp_address_refused`, `sftp_host_key_changed`, `sftp_sign_in_refused`,
            `sftp_folder_refused`.
    """
    _run(_attempt(server), TRY_SECONDS)


def _run(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Do it within a time, in an event loop of its own."""
    import asyncssh  # noqa: PLC0415 (see above)

    try:
        return asyncio.run(asyncio.wait_for(work, seconds))
    except outbound.AddressRefused as error:
        raise SftpFailed("sftp_address_refused") from error
    except asyncssh.HostKeyNotVerifiable as error:
        raise SftpFailed("sftp_host_key_changed") from error
    except asyncssh.PermissionDenied as error:
        raise SftpFailed("sftp_sign_in_refused") from error
    except asyncssh.SFTPConnectionLost as error:
        raise SftpFailed("sftp_unreachable") from error
    except asyncssh.SFTPError as error:
        raise SftpFailed("sftp_folder_refused") from error
    except (outbound.Unreachable, asyncssh.Error, OSError, TimeoutError) as error:
        raise SftpFailed("sftp_unreachable") from error


async def _host_key(host: str, port: int) -> str:
    import asyncssh  # noqa: PLC0415 (see above)

    found = await asyncssh.get_server_host_key(host, port, sock=await _socket(host, port), config=None)
    if found is None:
        raise SftpFailed("sftp_unreachable")
    return found.export_public_key("openssh").decode().strip()


async def _put(server: Server, name: str, source: IO[bytes]) -> None:
    async with _signed_in(server) as sftp:
        draft, size = _in(server, f".{name}.part"), 0
        async with sftp.open(draft, "wb") as out:
            while piece := source.read(PIECE):
                await out.write(piece)
                size += len(piece)
        if (await sftp.stat(draft)).size != size:
            raise SftpFailed("sftp_folder_refused")
        await _rename(sftp, draft, _in(server, name))


async def _rename(sftp: "asyncssh.SFTPClient", draft: str, name: str) -> None:
    """In one step where the server can; else in two, as its protocol renames onto no file that is there."""
    import asyncssh  # noqa: PLC0415 (see above)

    try:
        await sftp.posix_rename(draft, name)
    except asyncssh.SFTPOpUnsupported:
        if await sftp.exists(name):
            await sftp.remove(name)
        await sftp.rename(draft, name)


async def _attempt(server: Server) -> None:
    async with _signed_in(server) as sftp:
        draft = _in(server, ".onetill.part")
        async with sftp.open(draft, "wb"):
            pass
        await sftp.remove(draft)


@asynccontextmanager
async def _signed_in(server: Server) -> "AsyncIterator[asyncssh.SFTPClient]":
    import asyncssh  # noqa: PLC0415 (see above)

    keys = [asyncssh.import_private_key(server.private_key)] if server.private_key else None
    connection: AbstractAsyncContextManager[asyncssh.SSHClientConnection] = asyncssh.connect(
        server.host,
        server.port,
        sock=await _socket(server.host, server.port),
        username=server.user,
        password=server.password or None,
        client_keys=keys,
        known_hosts=([asyncssh.import_public_key(server.host_key)], [], []),
        # Nothing of the account that runs this server: neither its settings nor its keys.
        config=None,
        agent_path=None,
    )
    async with connection as signed_in, signed_in.start_sftp_client() as sftp:
        yield sftp


async def _socket(host: str, port: int) -> socket.socket:
    found = outbound.connect(host, port, seconds=CONNECT_SECONDS)
    found.setblocking(False)
    return found


def _in(server: Server, name: str) -> str:
    return f"{server.folder.rstrip('/')}/{name}" if server.folder else name
