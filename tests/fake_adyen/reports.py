"""Settlement detail reports: everything that moved since the last one, its fees, and the payout that it nets to."""

import csv
import io
from typing import Final

from tests.fake_adyen.books import Books, Object
from tests.fakes.effects import Effect

COLUMNS: Final = (
    *("Company Account", "Merchant Account", "Psp Reference", "Merchant Reference", "Payment Method", "Creation Date"),
    *("TimeZone", "Type", "Modification Reference", "Gross Currency", "Gross Debit (GC)", "Gross Credit (GC)"),
    *("Exchange Rate", "Net Currency", "Net Debit (NC)", "Net Credit (NC)", "Commission (NC)", "Markup (NC)"),
    *("Scheme Fees (NC)", "Interchange (NC)", "Payment Method Variant", "Modification Merchant Reference"),
    *("Batch Number",),
)
COMMISSION: Final = 25  # cents of each sale and capture
_TYPES: Final = {
    "sale": "Settled",
    "capture": "Settled",
    "refund": "Refunded",
    "refund_failed": "RefundedReversed",
    "capture_failed": "CaptureFailed",
    "dispute": "Chargeback",
}


def close_batch(books: Books) -> str:
    """Close the batch, pay it out, and tell that its report is there; return the report's name."""
    number = len(books.reports) + 1
    taken = sum(books.reported)
    effects, books.reported = books.effects[taken:], [*books.reported, len(books.effects) - taken]
    rows = [_row(books, number, effect) for effect in effects]
    net = sum(effect.net - _fee(effect) for effect in effects)
    rows.append(_common(books, number) | _net(-net) | {"Type": "MerchantPayout"})
    rows[-1]["Modification Reference"] = f"TX{number:012d}XT"
    name = f"settlement_detail_report_batch_{number}.csv"
    books.reports[name] = _written(rows)
    address = f"{books.base}/reports/download/MerchantAccount/{books.merchant_account}/{name}"
    books.tell("REPORT_AVAILABLE", name, 0, reason=address)
    return name


def _row(books: Books, number: int, effect: Effect) -> Object:
    fee = _fee(effect)
    reversed_dispute = effect.verb == "dispute" and effect.net > 0
    row = _common(books, number) | _net(effect.net - fee)
    row |= {
        "Psp Reference": effect.payment,
        "Merchant Reference": books.payments[effect.payment or ""].reference,
        "Modification Reference": effect.name,
        "Type": "ChargebackReversed" if reversed_dispute else _TYPES[effect.verb],
        "Gross Currency": "EUR",
        "Commission (NC)": _decimal(fee) if fee else "",
        "Modification Merchant Reference": effect.operation if effect.verb in ("capture", "refund") else "",
    }
    row["Gross Credit (GC)" if effect.net > 0 else "Gross Debit (GC)"] = _decimal(abs(effect.net))
    return row


def _fee(effect: Effect) -> int:
    return COMMISSION if effect.verb in ("sale", "capture") else 0


def _common(books: Books, number: int) -> Object:
    return {
        "Company Account": "Onetill",
        "Merchant Account": books.merchant_account,
        "Creation Date": books.now().strftime("%Y-%m-%d %H:%M:%S"),
        "TimeZone": "UTC",
        "Net Currency": "EUR",
        "Batch Number": str(number),
    }


def _net(net: int) -> Object:
    return {"Net Credit (NC)" if net > 0 else "Net Debit (NC)": _decimal(abs(net))}


def _decimal(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _written(rows: list[Object]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
