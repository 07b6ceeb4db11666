"""Prove the books: `manage.py audit_ledger [--json]` names every violation, and exits 1 if any.

`--anchor TABLE:BLOCK:DIGEST`, as the batch worker once logged it ("chained …"), proves that the chain was not cut.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils.module_loading import import_string

from payments.core.errors import wrong
from payments.ledger import audit, chain
from payments.management.answering import CheckFailed, JsonCommand


class Command(JsonCommand):
    help = "Recompute the books from their rows and name each violation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--anchor", action="append", default=[], help="a block that was logged: TABLE:BLOCK:DIGEST")

    def handle(self, *args: Any, **options: Any) -> None:
        checks = [import_string(path) for path in settings.LEDGER_AUDITS]
        checks += [partial(_cut, anchor) for anchor in options["anchor"]]
        with audit.one_moment():
            counts = audit.counts()
            show = self._json if options["json"] else self._text
            found = show(counts, audit.violations(checks))
        if found:
            raise CheckFailed(f"{found} violation(s) in the books.")

    def _text(self, counts: audit.Counts, violations: Iterator[audit.Violation]) -> int:
        found = 0
        for violation in violations:
            found += 1
            self.stdout.write(f"{violation.rule}: {violation.subject} {violation.detail}")
        self.stdout.write(f"{counts.entries} entries, {counts.postings} postings, {found} violations")
        return found

    def _json(self, counts: audit.Counts, violations: Iterator[audit.Violation]) -> int:
        """One object, written as the rows come in: a ruined ledger must not need memory for all of its ruins."""
        found = 0
        self.stdout.write(f'{{"entries": {counts.entries}, "postings": {counts.postings}, "violations": [', ending="")
        for violation in violations:
            self.stdout.write((", " if found else "") + json.dumps(asdict(violation)), ending="")
            found += 1
        self.stdout.write("]}")
        return found


def _cut(anchor: str) -> Iterator[audit.Violation]:
    table, _, rest = anchor.partition(":")
    number, _, digest = rest.partition(":")
    if not number.isdecimal() or table not in {chained.table for chained in chain.tables()}:
        raise wrong("anchor", "invalid_format", "An anchor is TABLE:BLOCK:DIGEST, as the log has it.")
    if not chain.has(table, int(number), digest):
        yield audit.Violation("chain_broken", table, f"block {number} is not the one that was logged")
