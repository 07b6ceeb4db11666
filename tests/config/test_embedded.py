"""The servers from the package index: shut to everyone else, side by side, and gone when they are stopped."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection as django_connection
from django.db.backends.utils import CursorWrapper

from config import sql
from config.standalone import embedded, home, paths


@pytest.fixture(scope="module", autouse=True)
def system_home() -> Iterator[Path]:
    """As root, servers below pytest's closed folder find a place here instead of in /var/lib."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(home, "SYSTEM_HOME", Path(folder))
        yield Path(folder)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory, system_home: Path) -> Iterator[embedded.Postgres]:
    server = embedded.Postgres(tmp_path_factory.mktemp("till") / "home", careless=True)
    server.start()
    yield server
    server.stop()


def test_the_application_and_the_owner_sign_in_with_their_passwords(postgres: embedded.Postgres) -> None:
    for role in (embedded.APPLICATION, embedded.OWNER):
        with psycopg.connect(postgres.url(role)) as connection:
            assert connection.execute("SELECT current_user, current_database()").fetchone() == (role, "onetill")


@pytest.mark.parametrize("role", [embedded.APPLICATION, embedded.OWNER, "postgres"])
def test_nobody_signs_in_without(postgres: embedded.Postgres, role: str) -> None:
    for url in (f"postgresql://{role}@/onetill", f"postgresql://{role}:wrong@/onetill"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url, host=str(postgres.sockets))


def test_neither_role_is_a_superuser_or_may_make_roles(postgres: embedded.Postgres) -> None:
    with psycopg.connect(postgres.url("postgres")) as connection:
        ours = "SELECT bool_or(rolsuper OR rolcreaterole OR rolbypassrls) FROM pg_roles WHERE rolname ~ 'onetill'"
        assert connection.execute(ours).fetchone() == (False,)


def test_it_listens_in_a_closed_folder_and_on_no_port(postgres: embedded.Postgres) -> None:
    assert stat.S_IMODE(postgres.sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE(postgres.data.stat().st_mode) == 0o700
    with psycopg.connect(postgres.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_only_its_own_folders_change_their_mode(tmp_path: Path) -> None:
    above = tmp_path / "somebody"
    above.mkdir(mode=0o700)
    server = embedded.Postgres(above / "home", careless=True)
    server.initialize()
    assert stat.S_IMODE(above.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_as_root_it_runs_as_a_user_who_owns_nothing_else(postgres: embedded.Postgres) -> None:
    pid = int((postgres.data / "postmaster.pid").read_text().split()[0])
    assert Path(f"/proc/{pid}").stat().st_uid == postgres.data.stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_as_root_below_a_closed_folder_the_data_find_another_place(tmp_path: Path, system_home: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    first, second = (paths.reachable_home(closed / name) for name in ("one", "two"))
    assert first != second
    assert first.is_relative_to(system_home / "elsewhere")
    assert paths.reachable_home(closed / "one") == first


def test_two_homes_have_two_servers(postgres: embedded.Postgres, tmp_path: Path) -> None:
    other = embedded.Postgres(tmp_path / "home", careless=True)
    other.start()
    try:
        with psycopg.connect(other.url(embedded.OWNER)) as connection:
            connection.execute("CREATE TABLE only_here ()")
        with psycopg.connect(postgres.url(embedded.OWNER)) as connection:
            assert connection.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
    finally:
        other.stop()
    assert not other.answers()
    assert postgres.answers()


def test_what_it_holds_outlives_a_stop_and_a_kill(postgres: embedded.Postgres) -> None:
    with psycopg.connect(postgres.url(embedded.OWNER)) as connection:
        connection.execute("CREATE TABLE kept ()")
    postgres.stop()
    postgres.stop()  # stopping what does not run is no error
    (postgres.data / "postmaster.pid").write_text(f"{os.getpid()}\n")  # its number went to another program since
    postgres.start()
    with psycopg.connect(postgres.url(embedded.OWNER)) as connection:
        assert connection.execute("SELECT to_regclass('kept')::text").fetchone() == ("kept",)


def test_starting_anew_is_refused_where_a_live_merchant_is(postgres: embedded.Postgres) -> None:
    with psycopg.connect(postgres.url(embedded.OWNER)) as connection, connection.cursor() as raw:
        cursor = CursorWrapper(raw, django_connection)
        assert not sql.has_live_merchant(cursor)
        cursor.execute("CREATE TABLE payments_merchant (mode text)")
        cursor.execute("INSERT INTO payments_merchant VALUES ('test')")
        assert not sql.has_live_merchant(cursor)
        cursor.execute("INSERT INTO payments_merchant VALUES ('live')")
        assert sql.has_live_merchant(cursor)
        sql.drop_everything(cursor)
        assert not sql.has_live_merchant(cursor)


def test_a_home_with_a_long_name_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    folder = paths.socket_folder(tmp_path / ("long" * 30), "run")
    assert len(str(folder)) < 90
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    with pytest.raises(paths.EmbeddedError, match="open to others"):
        paths.socket_folder(tmp_path / ("long" * 30), "run")
    folder.rmdir()


def test_valkey_keeps_to_its_own_folder_and_ends(tmp_path: Path) -> None:
    one, two = embedded.Valkey(tmp_path / "one"), embedded.Valkey(tmp_path / "two")
    process = one.start()
    assert one.answers()
    assert not two.answers()
    assert stat.S_IMODE(one.socket.parent.stat().st_mode) == 0o700
    process.terminate()
    process.wait(5)
    assert not one.answers()
