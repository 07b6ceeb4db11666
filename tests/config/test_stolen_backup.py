"""Whoever steals a backup, and even its key, is signed in nowhere; nor does anything that it held come back to life."""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest
from django.apps import apps

from config import sql
from config.standalone import embedded, paths
from tests.config.test_backup import Installation, add, opened
from tests.config.test_backup import shop as shop

# Twenty-four people signed in, thirteen of them in the admin, and a terminal that is to be paired.
PEOPLE: Final = """
import json
from payments.people.models import User
from tests.people.cast import signed_in
sessions = []
for number in range(24):
    staff = {"is_staff": number < 13, "is_superuser": number < 13}
    user, _ = User.objects.get_or_create(username=f"person {number}", defaults=staff)
    client = signed_in(user)
    sessions.append(client.session.session_key)
print(json.dumps(sessions))
"""
VISIT: Final = """
import json, sys
from django.test import Client
from django.conf import settings
opened = 0
for session in {sessions}:
    client = Client(SERVER_NAME="127.0.0.1")
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    opened += client.get("/admin/").status_code == 200
print(opened)
"""
CODE: Final = "UPDATE terminals_terminal SET pairing_code_hash = repeat('c', 64), pairing_expires_at = now() + '1 hour'"
CODES: Final = "SELECT count(*) FROM terminals_terminal WHERE pairing_code_hash IS NOT NULL"
TERMINAL: Final = """
from payments.models import Channel, Merchant, ProviderAccount
from terminals.models import Terminal
merchant = Merchant.objects.first()
about = {"merchant": merchant, "name": "Till"}
channel = Channel.objects.create(**about, kind="in_store", namespace="till")
account = ProviderAccount.objects.create(**about, provider="simulator", currency="EUR")
Terminal.objects.create(merchant=merchant, channel=channel, provider_account=account, label="Till")
"""


def run(shop: Installation, script: str) -> Any:
    done = shop.manage("shell", "-v0", "-c", script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None


@pytest.fixture
def sessions(shop: Installation) -> list[str]:
    """Of people who are signed in while the backup is made."""
    if not shop.sql("SELECT 1 FROM terminals_terminal"):
        run(shop, TERMINAL)
    made: list[str] = run(shop, PEOPLE)
    assert run(shop, VISIT.format(sessions=made)) == 13
    return made


@pytest.fixture
def new_backup(shop: Installation, sessions: list[str], tmp_path: Path) -> Path:
    shop.sql(CODE)
    target = tmp_path / "onetill.backup"
    assert shop.manage("backup", str(target)).returncode == 0
    return target


@pytest.fixture
def old_backup(shop: Installation, sessions: list[str], tmp_path: Path) -> Path:
    """As an earlier version wrote it: not encrypted, with everything."""
    shop.sql(CODE)
    dump, target = tmp_path / "database.dump", tmp_path / "old.backup"
    command = [paths.tool("pg_dump"), f"--dbname={shop.postgres.url(embedded.OWNER)}", "--format=custom"]
    subprocess.run([*command, "--no-privileges", f"--file={dump}"], check=True)
    check = run(
        shop, "import json; from payments.core.crypto import keyed_hash; print(json.dumps(keyed_hash('backup')))"
    )
    with tarfile.open(target, "w") as tar:
        add(tar, "manifest.json", json.dumps({"format": 1, "key_check": check}).encode())
        add(tar, "database.dump", dump.read_bytes())
    return target


def test_it_holds_no_session_and_no_code(
    shop: Installation, sessions: list[str], new_backup: Path, tmp_path: Path
) -> None:
    held = opened(shop, new_backup)
    dump = tmp_path / "stolen.dump"
    dump.write_bytes(b"".join(held.pop(name) for name in sorted(held) if name.startswith("database.dump")))
    script = subprocess.run([paths.tool("pg_restore"), "--file=-", str(dump)], capture_output=True, check=True).stdout
    whole = script + b"".join(held.values())
    assert b"person 23" in whole  # it is the dump
    assert [session for session in sessions if session.encode() in whole] == []
    assert b"c" * 64 not in whole


@pytest.mark.parametrize("kind", ["new_backup", "old_backup"])
def test_no_session_of_it_opens_anything_where_it_is_restored(
    shop: Installation, sessions: list[str], kind: str, request: pytest.FixtureRequest
) -> None:
    backup = request.getfixturevalue(kind)
    done = shop.manage("restore", str(backup))
    assert done.returncode == 0, done.stderr
    assert ("This backup is not encrypted" in done.stderr) is (kind == "old_backup")
    assert run(shop, VISIT.format(sessions=sessions)) == 0
    assert shop.sql(CODES) == [(0,)]
    assert shop.sql("SELECT count(*) FROM people_user WHERE username LIKE 'person %'") == [(24,)]


# What the names of these columns promise, and why a backup may hold them all the same.
KEPT: Final = {
    "people_user.password": "a slow hash, without which nobody could sign in after a restore",
    "people_apikey.hash": "SHA-256 of 256 random bits",
    "people_secondfactor.key": "encrypted with ENCRYPTION_KEYS",
    "people_passkey.credential": "a public key",
    "people_passkey.credential_id": "a name; the private key never leaves the device",
    "people_recoverycode.hash": "a keyed hash; its key is in no backup, and whoever lost a device needs theirs",
    "payments_provideraccount.credentials": "encrypted with ENCRYPTION_KEYS",
    "notify_webhookendpoint.secret": "encrypted with ENCRYPTION_KEYS",
    "notify_webhookendpoint.previous_secret": "encrypted with ENCRYPTION_KEYS",
    "notify_webhookendpoint.previous_secret_until": "a moment",
    "terminals_terminal.secret": "encrypted with ENCRYPTION_KEYS",
    "terminals_terminal.public_key": "public",
    "payments_paymentlink.token": "the address on a customer's invoice, which must go on working; it takes money in",
    "payments_idempotencykey.key": "the sender's name for a request; answers that hold a secret are kept without it",
    "ledger_journalentry.key": "what the entry is about",
    "payments_refundpart.iban_hash": "a keyed hash, by which limits of one account are counted",
    "payments_refundrule.iban_hash": "a keyed hash, by which a blocked account is recognized",
    "payments_refund.reason_code": "why something came back",
    "payments_refundreason.code": "a word of the merchant's own list",
    "terminals_staffcode.code_hash": "Argon2 with a key that is in no backup, and good at a paired browser alone",
    "terminals_staffcode.starter_hash": "the same, for a day, and good for the choice of a code alone",
    "payments_voucher.code_hash": "a keyed hash, without which no voucher could be redeemed after a restore",
    "people_customer.email_hash": "a keyed hash, by which a customer is recognized",
    "people_approval.secrets": "encrypted with ENCRYPTION_KEYS, and gone with the decision",
    "payments_cardevidence.authorization_code": "the issuer's, of a sale that was made",
    "reconciliation_settlementline.authorization_code": "the same",
    "payments_voucher.code_end": "its last characters, for whoever holds the rest",
    "ledger_chainblock.hashes": "of rows that are there, too",
    "ledger_account.code": "its name",
    "reconciliation_bankstatementline.code": "the bank's word for a kind of line",
    "payments_discrepancy.key": "what it is about",
    "auth_permission.codename": "the same in every installation",
    "reconciliation_connector.credentials": "encrypted with ENCRYPTION_KEYS",
    "reconciliation_connector.tokens": "encrypted with ENCRYPTION_KEYS",
    "reconciliation_connector.error_code": "no secret",
    "reconciliation_connectordocument.error_code": "no secret",
    "reconciliation_connectordocument.key": "by which a document is looked up in the accountant's software",
    "reconciliation_accountmapping.code": "how the accountant calls an account",
    "reconciliation_accountmapping.vat_code": "the same",
    "reconciliation_export.credit": "a sum",
    "reconciliation_exportschedule.host_key": "the public one of a server",
    "reconciliation_payoutallocation.entry_key": "what the entry is about",
    "payments_operation.failure_code": "no secret",
    "payments_payment.failure_code": "no secret",
}
SMELLS: Final = ("token", "secret", "password", "session", "code", "hash", "key", "nonce", "invit", "recover", "cred")


def test_each_column_that_may_let_somebody_in_is_decided() -> None:
    """A new one is left out (`LEFT_OUT`, `REDACTED` in config/sql.py), or says here why it may be kept."""
    tables = [model._meta for model in apps.get_models() if model._meta.db_table not in sql.LEFT_OUT]
    smelling = {
        f"{table.db_table}.{field.column}"
        for table in tables
        for field in table.concrete_fields
        if any(part in (field.column or "") for part in SMELLS)
    }
    redacted = {f"{table}.{column}" for table, columns in sql.REDACTED.items() for column in columns}
    assert smelling - redacted - set(KEPT) == set()
    assert set(KEPT) <= smelling
