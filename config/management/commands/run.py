"""Everything on one machine: servers, web, workers, simulator and, unless DEMO=0, a live demo day."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config import env, sql
from config.standalone import banner, embedded, home, paths, processes, reset
from config.standalone.supervisor import Program, Supervisor, end_with_parent

READY_SECONDS: Final = 240  # all workers, on a slow machine


class Command(BaseCommand):
    help = "Run everything on this machine until Ctrl-C."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if env.flag("END_WITH_PARENT"):
            end_with_parent(signal.SIGTERM)
        os.umask(0o077)  # what the processes write is nobody else's
        try:
            with home.locked(settings.ONETILL_HOME):
                _refuse_taken_ports()
                _empty_metrics()
                _set_environment(json=not self._for_people())
                asyncio.run(self._run())
        except (home.Running, paths.EmbeddedError, reset.LiveMerchant, PermissionError) as error:
            raise CommandError(str(error)) from error

    async def _run(self) -> None:
        ending = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, ending.set)
        supervisor = Supervisor(self._say, json=not self._for_people())
        starting = asyncio.create_task(self._start(supervisor))
        waiting = asyncio.create_task(ending.wait())
        try:
            await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await waiting
        finally:
            starting.cancel()
            await asyncio.wait({starting})
            supervisor.log("Ending …")
            await supervisor.end()
            supervisor.log("Ended.")

    async def _start(self, supervisor: Supervisor) -> None:
        supervisor.log(
            f"Starting Onetill from {settings.ONETILL_HOME}: the addresses follow, the first time after some minutes …"
        )
        await _start_servers(supervisor)
        await asyncio.to_thread(_prepare_database)
        for program in processes.programs():
            supervisor.start(program)
        await _until(_is_ready, f"Port {settings.PORT}")
        cast = None
        if env.flag("DEMO", True) and "demo" in get_commands():
            cast = await _demo_cast()
            supervisor.start(Program("demo", processes.manage("demo"), processes.TRAFFIC))
        self._say(banner.banner(cast))

    def _for_people(self) -> bool:
        return env.text("LOG_FORMAT", "text" if self.stdout.isatty() else "json") == "text"

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


async def _start_servers(supervisor: Supervisor) -> None:
    if settings.EMBEDDED_DATABASE:
        postgres = embedded.Postgres(settings.ONETILL_HOME)
        await asyncio.to_thread(postgres.initialize)
        await asyncio.to_thread(postgres.stop)  # one that a killed supervisor left behind
        supervisor.start(processes.postgres(postgres))
        await _until(postgres.answers, "PostgreSQL")
        await asyncio.to_thread(postgres.see_to_roles)
    if settings.EMBEDDED_REDIS:
        valkey = embedded.Valkey(settings.ONETILL_HOME)
        supervisor.start(processes.valkey(valkey))
        await _until(valkey.answers, "Valkey")


def _prepare_database() -> None:
    try:
        with connections["owner"].cursor() as cursor:
            sql.step_back(cursor)  # where a restore was broken off
        if env.flag("FRESH"):
            reset.delete_everything()
        call_command("migrate", verbosity=0)
    finally:
        connections.close_all()


async def _demo_cast() -> dict[str, Any]:
    """Let the demo create its users and keys, and return them. Its own session keeps a Ctrl-C from reaching it."""
    command = processes.manage("demo", "--prepare", "--json")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CommandError("The demo's cast cannot be made; see above. DEMO=0 runs without.")
    cast: dict[str, Any] = json.loads(output)
    return cast


async def _until(answers: Callable[[], bool], what: str) -> None:
    """Wait in short steps, so that a Ctrl-C meanwhile ends it at once."""
    for _ in range(READY_SECONDS * 10):
        if await asyncio.to_thread(answers):
            return
        await asyncio.sleep(0.1)
    raise CommandError(f"{what} does not answer; see above.")


def _is_ready() -> bool:
    host = "127.0.0.1" if settings.HOST in ("0.0.0.0", "::") else settings.HOST  # noqa: S104 (where all are listened to)
    try:
        with urllib.request.urlopen(f"http://{host}:{settings.PORT}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _set_environment(*, json: bool) -> None:
    """Tell the processes by the environment whether output goes to a terminal, and whether there is a demo."""
    os.environ["LOG_FORMAT"] = "json" if json else "text"
    os.environ["DEMO"] = "1" if env.flag("DEMO", True) else "0"


def _empty_metrics() -> None:
    """Make an empty folder for the processes' shared metrics: files of ended processes would be counted again."""
    folder = settings.ONETILL_HOME / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _refuse_taken_ports() -> None:
    for port in (settings.PORT, settings.PORT + 1, settings.PORT + 2):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, port))
            except OSError:
                raise CommandError(
                    f"Port {port} is taken. Set PORT to the first of three free ones: PORT=8100 make run."
                ) from None
