"""The VAT of a request: its lines add up to the amount, and each tax is its rate of its net."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from payments.core.errors import Invalid
from payments.core.money import Money
from payments.text.formatting import amount as written


def check_vat(lines: Sequence[Mapping[str, Any]], amount: Money) -> None:
    """Check `{rate, net, tax}` lines (a percentage; minor units of the amount's currency); no lines are no fault.

    Raises:
        Invalid: `vat_differs`, with the place of the first line that is wrong, or with `vat` and the lines' sum.
    """
    if not lines:
        return
    for at, line in enumerate(lines):
        tax = Decimal(line["net"]) * Decimal(str(line["rate"])) / 100
        if abs(line["tax"] - tax) > 1:  # shops round up, down or by the line: a cent is nobody's mistake
            net, stated, right = (written(minor, amount.currency) for minor in (line["net"], line["tax"], round(tax)))
            raise Invalid(
                "vat_differs",
                f"{line['rate']} % of {net} is {right}, not {stated}.",
                param=f"vat[{at}].tax",
                tax=round(tax),
            )
    total = sum(line["net"] + line["tax"] for line in lines)
    if total != amount.amount:
        shown, expected = written(total, amount.currency), written(amount.amount, amount.currency)
        raise Invalid(
            "vat_differs",
            f"The VAT lines add up to {shown}, and the amount is {expected}. Send lines for all of it.",
            param="vat",
            total=total,
        )
