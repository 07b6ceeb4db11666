"""A real SFTP server in a thread of the test: asyncssh's own, with a folder, a user and a host key."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

USER, PASSWORD = "boekhouder", "tulpen-en-rozen"


@dataclass
class SftpServer:
    """Where it answers, what it keeps, and how it was used."""

    folder: Path
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0
    read_only: bool = False
    renames: list[tuple[str, str]] = field(default_factory=list)

    @property
    def public_host_key(self) -> str:
        """As a client pins it."""
        return self.host_key.export_public_key("openssh").decode().strip()

    def files(self) -> dict[str, bytes]:
        """What lies there now."""
        return {path.name: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@contextmanager
def serving(server: SftpServer) -> Iterator[SftpServer]:
    """Have it answer, at its port or a free one."""
    server.folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(_listen(server), loop).result(20)
    server.port = listener.get_port()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(listener.close)
        asyncio.run_coroutine_threadsafe(listener.wait_closed(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


async def _listen(server: SftpServer) -> Any:
    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(server.folder).encode())

        def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
            if server.read_only:
                raise asyncssh.SFTPPermissionDenied("read only")
            return super().open(path, pflags, attrs)

        def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
            server.renames.append((oldpath.decode(), newpath.decode()))
            return super().posix_rename(oldpath, newpath)

    class Access(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: Any) -> bool:
            return username == USER and key.public_data == server.client_key.public_data

    return await asyncssh.listen(
        "127.0.0.1", server.port, server_host_keys=[server.host_key], server_factory=Access, sftp_factory=Files
    )
