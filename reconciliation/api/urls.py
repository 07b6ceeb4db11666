"""The addresses of reconciliation."""

from django.urls import path

from reconciliation.api import (
    bank_accounts,
    connectors,
    discrepancies,
    exports,
    files,
    forecast,
    mappings,
    matching_rules,
    payouts,
    periods,
    settlements,
)

urlpatterns = [
    path("v1/settlement_files", files.Files.as_view()),
    path("v1/settlement_files/<str:file_id>", files.OneFile.as_view()),
    path("v1/file_mappings", mappings.Mappings.as_view()),
    path("v1/file_mappings/<str:mapping_id>", mappings.OneMapping.as_view()),
    path("v1/file_mappings/<str:mapping_id>/preview", mappings.Preview.as_view()),
    path("v1/provider_accounts/<str:provider_account_id>/matching_rules", matching_rules.Rules.as_view()),
    path(
        "v1/provider_accounts/<str:provider_account_id>/matching_rules/preview", matching_rules.PreviewRules.as_view()
    ),
    path("v1/bank_accounts", bank_accounts.BankAccounts.as_view()),
    path("v1/bank_accounts/<str:bank_account_id>", bank_accounts.OneBankAccount.as_view()),
    path("v1/connectors", connectors.Connectors.as_view()),
    path("v1/connectors/<str:connector_id>", connectors.OneConnector.as_view()),
    path("v1/connectors/<str:connector_id>/entries", connectors.Entries.as_view()),
    path("v1/connectors/<str:connector_id>/send", connectors.SendNow.as_view()),
    path("v1/exports", exports.Exports.as_view()),
    path("v1/exports/<str:export_id>", exports.OneExport.as_view()),
    path("v1/exports/<str:export_id>/file", exports.ExportFile.as_view()),
    path("v1/settlements", settlements.Settlements.as_view()),
    path("v1/settlements/<str:settlement_id>", settlements.OneSettlement.as_view()),
    path("v1/settlements/<str:settlement_id>/lines", settlements.SettlementLines.as_view()),
    path("v1/payouts", payouts.Payouts.as_view()),
    path("v1/payouts/<str:payout_id>", payouts.OnePayout.as_view()),
    path("v1/days/<str:day>/close", periods.CloseDay.as_view()),
    path("v1/days/<str:day>/reopen", periods.ReopenDay.as_view()),
    path("v1/months/<str:month>/close", periods.CloseMonth.as_view()),
    path("v1/months/<str:month>/reopen", periods.ReopenMonth.as_view()),
    path("v1/forecast", forecast.ForecastView.as_view()),
    path("v1/fees", forecast.Fees.as_view()),
    path("v1/discrepancies", discrepancies.Discrepancies.as_view()),
    path("v1/discrepancies/<str:discrepancy_id>", discrepancies.OneDiscrepancy.as_view()),
    path("v1/discrepancies/<str:discrepancy_id>/resolve", discrepancies.Resolve.as_view()),
    path("v1/discrepancies/<str:discrepancy_id>/undo", discrepancies.Undo.as_view()),
]
