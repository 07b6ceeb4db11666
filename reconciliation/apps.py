"""The app's name and label, and what it registers with the layers below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReconciliationConfig(AppConfig):
    name = "reconciliation"
    label = "reconciliation"
    verbose_name = _("Reconciliation")

    def ready(self) -> None:
        """Have the ledger's items found that are about files and payouts."""
        # Models can be imported only once every app is there.
        from payments import object_index  # noqa: PLC0415
        from reconciliation.models import (  # noqa: PLC0415
            BankStatementLine,
            Payout,
            Settlement,
            SettlementFile,
            SettlementLine,
        )

        unexplained = SettlementLine.objects.filter(payment_id__isnull=True, item__isnull=False)
        held = BankStatementLine.objects.filter(item__isnull=False)
        object_index.register("pyo", Payout.objects, booked=True)
        object_index.register("stl", SettlementFile.objects)
        object_index.register("stl", Settlement.objects, booked=True, id="file_id")
        object_index.register(
            "stl", unexplained, booked=True, id="settlement__file_id", merchant="settlement__merchant_id"
        )
        object_index.register("stl", held, booked=True, id="statement__file_id", merchant="statement__merchant_id")
