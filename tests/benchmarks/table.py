"""The table of the README: what each figure means, and how it stands to its goal."""

from collections.abc import Iterable
from typing import Final

from tests.benchmarks.measure import Figure

_WORDS: Final = {
    "a.post_single": "`post()`, one entry a call, 8 clients : raw",
    "a.post_in_sql": "what it asks PostgreSQL for, by pgbench as raw is : raw",
    "b.hot_account": "one hot account : 400 merchants' accounts, fold running",
    "b.mismatches_afterwards": "what the audit finds afterwards",
    "c.post_batch": "`post()` in batches of 1,000, one process : raw",
    "d.balance_check": "batches with the balance check : without its trigger",
    "e.balance_read": "reading a hot balance : SUM over 500,000 postings",
    "f.device_batches_to_raw": "terminal transactions, batches of 500, one process : raw",
    "f.device_batches_to_copy": "the same : COPY of the same rows",
    "f.rows_each": "rows that belong to one transaction",
    "t.shift_totals": "totals of a shift of 10,000 transactions : 300 ms",
    "t.shift_differences": "the same, and which of them to look at : 300 ms",
    "g.device_one_at_a_time": "signed, over HTTP, one at a time, 8 terminals : bare view writing as many rows",
    "g.device_one_processor_time": "processor time of one such request in the web processes",
    "g.device_batches_over_http": "batches of 500 over HTTP : (f)",
    "h.payments": "`POST /v1/payments`, provider at 5 ms, 8 clients : empty DRF view",
    "i.import": "the import meanwhile",
    "k.refund_web": "processor time of a refund to completion: web",
    "k.refund_realtime": "the same: realtime workers",
    "k.refund_postgres": "the same: PostgreSQL",
    "k.refund": "the same: all three",
    "q.memory": "memory of 500 waiting devices : 200 MB",
    "q.cpu_at_rest": "what they cost at rest, of one core : 5 %",
    "q.woken_p50": "waking one of them p50",
    "q.woken_p99": "waking one of them p99 : 100 ms",
    "m.web": "memory of the largest web process",
    "m.realtime_worker": "memory of the largest realtime worker",
    "m.import_peak": "memory of an import at its peak : of a tenth of the file",
    "n.loop": "lines looked up one at a time : matched as a set",
    "n.linear": "matching the largest file : the smallest",
    "n.linear_processor": "the same, processor time of PostgreSQL",
    "n.import_and_match": "reading and matching the largest file : 20 s",
    "x.journal_csv": "exporting the books as `journal_csv`",
    "x.journal_csv_seconds": "the whole export : ten times that of a tenth of the postings",
    "x.journal_csv_memory": "its memory at its peak : of a tenth of the postings",
    "x.journal_xlsx": "exporting the books as `journal_xlsx`",
    "x.journal_xlsx_seconds": "the same, whole : ten times a tenth",
    "x.journal_xlsx_memory": "its memory : of a tenth",
    "x.xaf40": "exporting the books as `xaf40`",
    "x.xaf40_seconds": "the same, whole : ten times a tenth",
    "x.xaf40_memory": "its memory : of a tenth",
    "x.beancount": "exporting the books as `beancount`",
    "x.beancount_seconds": "the same, whole : ten times a tenth",
    "x.beancount_memory": "its memory : of a tenth",
    "x.camt053": "a receivable's statement as `camt053`",
    "x.camt053_seconds": "the same, whole : ten times a tenth",
    "x.camt053_memory": "its memory : of a tenth",
    "p.post_to_hordak": "`post()` in batches of 1,000, one process : django-hordak 2.0.0",
    "p.post_one_to_hordak": "the same, one entry a call",
    "p.post_to_django_ledger": "`post()` in batches of 1,000, one process : django-ledger 0.8.5",
    "p.post_one_to_django_ledger": "the same, one entry a call",
}


def table(figures: Iterable[Figure]) -> str:
    """In Markdown, a row for each figure."""
    rows = ["| | value | floor | ratio | goal | |", "|---|---|---|---|---|---|"]
    return "\n".join([*rows, *(_row(figure) for figure in figures)])


def _row(figure: Figure) -> str:
    letter, _, name = figure.bench.partition(".")
    words = _WORDS.get(figure.bench, name.replace("_", " "))
    floor = "" if figure.floor is None else _number(figure.floor, figure.unit)
    ratio = "" if figure.ratio is None else f"{figure.ratio:g}"
    goal, met = ("", "") if figure.goal is None else (str(figure.goal), _judged(figure))
    return f"| ({letter}) {words} | {_number(figure.value, figure.unit)} | {floor} | {ratio} | {goal} | {met} |"


def _judged(figure: Figure) -> str:
    assert figure.goal is not None
    if figure.ratio is None:
        return "not compared"
    return "met" if figure.goal.is_met(figure.ratio) else "**not met**"


def _number(value: float, unit: str) -> str:
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{shown} {unit}"
