"""The books' tables. Rows are written by `posting` and `days` (what was booked) and `balances` (what is folded).

What was booked never changes: PostgreSQL refuses it to everyone (`migrations/0002_guards.py`), and the application's
role lacks the rights. Postings carry no foreign keys; the audit verifies what they would.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments.db.fields import IdField


class Account(models.Model):
    """A place in the books of one merchant and currency, made at its first posting. Postings use its `number`."""

    class Kind(models.TextChoices):
        ASSET = "asset", _("asset")
        LIABILITY = "liability", _("liability")
        INCOME = "income", _("income")
        EXPENSE = "expense", _("expense")

    id = IdField(primary_key=True)
    number = models.IntegerField(unique=True, editable=False)  # an identity column, see 0002_guards
    merchant_id = IdField()
    # Collation C: compared byte by byte, so that an upgrade of the system's locale cannot break the index.
    code = models.CharField(_("code"), max_length=100, db_collation="C")
    currency = models.CharField(_("currency"), max_length=3)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    item_required = models.BooleanField(_("lists open items"))
    created_at = models.DateTimeField(_("created at"))
    seal = models.BinaryField()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(fields=["merchant_id", "code", "currency"], name="ledger_account_code"),
            models.CheckConstraint(
                condition=Q(kind__in=["asset", "liability", "income", "expense"]), name="ledger_account_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.currency}"


class JournalEntry(models.Model):
    """One event in the books. `seal` is a hash over its content, so that the audit names what was tampered with."""

    id = IdField(primary_key=True)
    # As the codes of accounts; and looked up for every entry, which C makes cheap.
    key = models.CharField(_("key"), max_length=120, db_collation="C")
    event = models.CharField(_("event"), max_length=40)
    merchant_id = IdField()
    book_date = models.DateField(_("book date"))
    occurred_at = models.DateTimeField(_("occurred at"))
    booked_at = models.DateTimeField(_("booked at"))
    # How many postings it must have: nothing can be added to it later without this being wrong.
    lines = models.IntegerField(_("lines"))
    reverses = models.ForeignKey(
        # No constraint: it would lock the old entry's row; `ledger_post` checks that it exists.
        "self",
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="reversals",
        verbose_name=_("reverses"),
    )
    seal = models.BinaryField()

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="ledger_entry_key"),
            models.UniqueConstraint(
                fields=["reverses"], condition=Q(reverses__isnull=False), name="ledger_entry_reversed_once"
            ),
        ]
        # Entries arrive in about this order, so that a few bytes per megabyte find a day or a moment.
        indexes = [BrinIndex(fields=["booked_at", "book_date"], autosummarize=True, name="ledger_entry_time")]

    def __str__(self) -> str:
        return self.key


class Posting(models.Model):
    """One line of an entry: a debit is positive, a credit negative.

    `item` names what it is about. `xid` is the transaction that wrote it (moved on by each epoch of `FoldCursor`).
    """

    pk = models.CompositePrimaryKey("entry", "line")
    # Wide before narrow, so that PostgreSQL pads nothing: there are several postings to an entry.
    xid = models.BigIntegerField(editable=False)
    item = models.BigIntegerField(_("item"), null=True)
    amount = models.BigIntegerField(_("amount"))
    account = models.ForeignKey(
        Account,
        models.DO_NOTHING,
        to_field="number",
        db_constraint=False,
        db_index=False,
        related_name="postings",
        verbose_name=_("account"),
    )
    line = models.IntegerField(_("line"))
    entry = models.ForeignKey(
        JournalEntry,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="postings",
        verbose_name=_("journal entry"),
    )

    class Meta:
        verbose_name = _("posting")
        verbose_name_plural = _("postings")
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="ledger_posting_amount")]
        indexes = [
            # An account's tail beyond the fold, and its pages, newest first.
            models.Index(fields=["account", "xid"], name="ledger_posting_account"),
            # The fold's way through all accounts.
            models.Index(fields=["xid"], name="ledger_posting_xid"),
            models.Index(fields=["item"], condition=Q(item__isnull=False), name="ledger_posting_item"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.line}"


class BookDay(models.Model):
    """A closing or reopening of a day, of the merchant's books as a whole or of one branch's accounts in them.

    A day without a row is open; else its newest row tells. Rows are only added. A reopening names the approval by which
    two persons agreed to it, which PostgreSQL looks up (`payments/people/migrations/0008_reopening_by_two.py`).
    """

    pk = models.CompositePrimaryKey("merchant_id", "day", "branch", "number")
    merchant_id = IdField()
    day = models.DateField(_("day"))
    # The owner of accounts as their codes have it after the colon (`takings:chn_…`); empty: the merchant as a whole.
    branch = models.CharField(max_length=60, default="", db_default="", db_collation="C")
    number = models.IntegerField(default=1, db_default=1)
    closed = models.BooleanField(default=True, db_default=True)
    approval = models.CharField(max_length=30, blank=True, default="", db_default="", db_collation="C")
    # The column keeps its first name, from when there were closings alone.
    at = models.DateTimeField(_("at"), db_column="closed_at")
    actor = models.CharField(_("actor"), max_length=60)
    seal = models.BinaryField()

    class Meta:
        verbose_name = _("closing or reopening of a book day")
        verbose_name_plural = _("closings and reopenings of book days")
        constraints = [
            models.CheckConstraint(condition=Q(closed=True) | ~Q(approval=""), name="ledger_bookday_reopened_by_two"),
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.day}"


class BalanceCheckpoint(models.Model):
    """What moved on an account with one book date, over every posting up to the fold cursor."""

    pk = models.CompositePrimaryKey("account", "book_date")
    account = models.ForeignKey(
        Account, models.DO_NOTHING, to_field="number", db_constraint=False, db_index=False, related_name="checkpoints"
    )
    book_date = models.DateField()
    amount = models.BigIntegerField()
    postings = models.BigIntegerField()

    class Meta:
        verbose_name = _("balance checkpoint")
        verbose_name_plural = _("balance checkpoints")


class OpenItem(models.Model):
    """What stands open on an account about one item, over every posting up to the fold cursor; gone when settled."""

    pk = models.CompositePrimaryKey("account", "item")
    account = models.ForeignKey(
        Account, models.DO_NOTHING, to_field="number", db_constraint=False, db_index=False, related_name="open_items"
    )
    item = models.BigIntegerField()
    amount = models.BigIntegerField()
    since = models.DateTimeField()

    class Meta:
        verbose_name = _("open item")
        verbose_name_plural = _("open items")


class FoldCursor(models.Model):
    """How far the fold has come: the one row says that every posting with `xid` up to its own is folded.

    `cluster` is the server's identity. After a logical restore another server counts its transactions from the start:
    then a new `epoch` moves every later xid on by `shift`, past all that were restored, and everything is folded again.
    """

    id = models.SmallIntegerField(primary_key=True, editable=False)
    epoch = models.IntegerField(_("epoch"))
    cluster = models.CharField(max_length=20)
    shift = models.BigIntegerField()
    xid = models.BigIntegerField()
    folded_at = models.DateTimeField(_("folded at"))

    class Meta:
        verbose_name = _("fold cursor")
        verbose_name_plural = _("fold cursors")
        # Two cursors would fold everything twice.
        constraints = [models.CheckConstraint(condition=Q(id=1), name="ledger_one_cursor")]


class ChainBlock(models.Model):
    """Some rows of one table that stay, as they were when they were noted (`payments.ledger.chain`)."""

    pk = models.CompositePrimaryKey("table_name", "number")
    table_name = models.CharField(max_length=63, db_collation="C")
    number = models.IntegerField()
    through = models.TextField()  # the id of its last row
    # Whole blocks in one row: a row for each noted row would double the table that is watched.
    ids: ArrayField[list[str], list[str]] = ArrayField(models.TextField())
    hashes: ArrayField[list[str], list[str]] = ArrayField(models.TextField())
    digest = models.CharField(max_length=64)  # keyed, over these and the block before
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = _("block of the chain")
        verbose_name_plural = _("blocks of the chain")
