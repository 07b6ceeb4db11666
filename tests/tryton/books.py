"""A company's books in Tryton, run by Tryton's own Python: it reads one JSON object from stdin and answers with one.

`{"invoices": {name: amount}}` are posted first, as the shop's own software would do. Then each of `statements` is
imported into a journal of its own, Tryton's rules are applied, and the statement is posted.
"""

import base64
import datetime as dt
import json
import os
import sys
from decimal import Decimal
from functools import partial
from typing import Any

os.environ["TRYTOND_DATABASE_URI"] = "sqlite://"
os.environ["DB_NAME"] = ":memory:"

from proteus import Model, Wizard  # type: ignore[import-not-found]
from trytond.modules.account.tests.tools import (  # type: ignore[import-not-found]
    create_chart,
    create_fiscalyear,
    get_accounts,
)
from trytond.modules.account_invoice.tests.tools import (  # type: ignore[import-not-found]
    set_fiscalyear_invoice_sequences,
)
from trytond.modules.company.tests.tools import create_company, get_company  # type: ignore[import-not-found]
from trytond.tests.tools import activate_modules  # type: ignore[import-not-found]

MODULES = ["account_statement_mt940", "account_statement_sepa", "account_statement_rule"]
FORMATS = {"camt053": "camt_053_001", "mt940": "mt940"}


class Company:
    """Its chart, and the accounts that the statements are about."""

    def __init__(self) -> None:
        self.config = activate_modules(MODULES, partial(create_company, currency="EUR"), create_chart)
        self.company = get_company()
        today = dt.date.today()
        span = dt.date(today.year - 1, 1, 1), dt.date(today.year + 1, 12, 31)
        year = set_fiscalyear_invoice_sequences(create_fiscalyear(today=span))
        year.click("create_period")
        self.accounts = get_accounts()
        self.costs = Model.get("account.account").find([("code", "=", "5.1.3"), ("type", "!=", None)], limit=1)[0]
        self.provider = self.account("1.1.8", "Payment provider")
        self.transit = self.account("1.1.9", "Payouts on their way")
        self.config._context["company"] = self.company.id
        self.bank = Model.get("bank")(party=self.party("Bank"))
        self.bank.save()

    def account(self, code: str, name: str) -> Any:
        """A new account beside cash."""
        cash = self.accounts["cash"]
        made = Model.get("account.account")(code=code, name=name)
        made.company, made.type, made.parent = self.company, cash.type, cash.parent
        made.reconcile = True
        made.save()
        return made

    def party(self, name: str) -> Any:
        """Somebody."""
        made = Model.get("party.party")(name=name)
        made.save()
        return made

    def invoice(self, name: str, amount: str) -> str:
        """A posted invoice; its number is Tryton's."""
        made = Model.get("account.invoice")(type="out", party=self.party(name), invoice_date=dt.date.today())
        line = made.lines.new()
        line.account, line.quantity, line.unit_price = self.accounts["revenue"], 1, Decimal(amount)
        line.description = "Order"
        made.click("post")
        return str(made.number)

    def journal(self, name: str, number: str, kind: str, account: Any) -> None:
        """A journal of statements of one account; what does not lead from opening to closing is refused."""
        held = Model.get("bank.account")(bank=self.bank)
        held.owners.append(Model.get("party.party")(self.company.party.id))
        held.currency = self.company.currency
        row = held.numbers.new()
        row.type, row.number = kind, number
        held.save()
        of_statements, *_others = Model.get("account.journal").find([("code", "=", "STA")])
        made = Model.get("account.statement.journal")(name=name)
        made.journal, made.account, made.bank_account, made.validation = of_statements, account, held, "balance"
        made.save()

    def rule(self, name: str, pattern: str, account: Any = None, *, incoming: bool | None = None) -> None:
        """Book what matches on an account, or on the invoice that it names; of CAMT and MT940 alike."""
        for key in ("camt_remittance_information", None):
            made = Model.get("account.statement.rule")(name=name, company=self.company)
            if incoming is not None:
                made.amount_low = Decimal("0.01") if incoming else None
            if key is None:
                made.description = pattern
            else:
                information = made.information_rules.new()
                (information.key,) = Model.get("account.statement.origin.information").find([("name", "=", key)])
                information.char = pattern
            line = made.lines.new()
            line.amount, line.account = "amount", account
            made.save()

    def imports(self, file_format: str, content: bytes) -> dict[str, Any]:
        """Read a file, apply the rules, and post it; what Tryton read of it."""
        wizard = Wizard("account.statement.import")
        wizard.form.file_ = content
        wizard.form.file_format = FORMATS[file_format]
        wizard.execute("import_")
        (statement,) = list(wizard.actions[0])
        read = {
            "opening": str(statement.start_balance),
            "closing": str(statement.end_balance),
            "amounts": [str(origin.amount) for origin in statement.origins],
        }
        statement.click("apply_rules")
        statement.reload()
        booked = [f"{line.amount} {line.account.name}" for line in statement.lines]
        statement.click("validate_statement")
        statement.click("post")
        statement.reload()
        return {**read, "booked": booked, "state": statement.state}

    def balance(self, account: Any) -> str:
        """What stands on an account."""
        return str(Model.get("account.account")(account.id).balance)

    def invoice_states(self) -> dict[str, str]:
        """Each invoice's state by its number."""
        return {str(row.number): row.state for row in Model.get("account.invoice").find([])}


def main() -> None:
    """Set the books up, answer with the invoices' numbers, then read one order more and carry it out."""
    company = Company()
    order = json.loads(sys.stdin.readline())
    numbers = {name: company.invoice(name, amount) for name, amount in order["invoices"].items()}
    print(json.dumps({"numbers": numbers}), flush=True)
    order = json.loads(sys.stdin.readline())
    company.journal("Provider", order["provider"], "other", company.provider)
    company.journal("Bank", order["bank"], "iban", company.accounts["cash"])
    company.rule("sale", order["sale"], incoming=True)
    company.rule("costs", order["costs"], company.costs)
    company.rule("payout", order["payout"], company.transit)
    read = [company.imports(one["format"], base64.b64decode(one["file"])) for one in order["statements"]]
    states = company.invoice_states()
    answer = {
        "read": read,
        "invoices": {name: states[number] for name, number in numbers.items()},
        "provider": company.balance(company.provider),
        "transit": company.balance(company.transit),
        "bank": company.balance(company.accounts["cash"]),
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
