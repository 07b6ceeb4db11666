"""What stands behind each seam: one line an implementation, loaded by dotted path; part of the settings."""

PROVIDERS = {
    "simulator": "payments.providers.simulator.provider.Simulator",
    "recorded": "payments.providers.recorded.Recorded",
    "external": "payments.providers.recorded.External",
    "stripe": "payments.providers.stripe.provider.Stripe",
    "paynl": "payments.providers.paynl.provider.PayNl",
    "mollie": "payments.providers.mollie.provider.Mollie",
    "adyen": "payments.providers.adyen.provider.Adyen",
}
SETTLEMENT_FORMATS = [
    "reconciliation.formats.simulator_csv.SimulatorCsv",
    "reconciliation.formats.stripe_payout.StripePayout",
    "reconciliation.formats.stripe_report.StripeReport",
    "reconciliation.formats.adyen_settlement.AdyenSettlement",
    "reconciliation.formats.mollie_settlement.MollieSettlement",
    "reconciliation.formats.mollie_payout.MolliePayout",
    "reconciliation.formats.paypal_activity.PayPalActivity",
    "reconciliation.formats.camt053.Camt053",
    "reconciliation.formats.camt052.Camt052",
    "reconciliation.formats.camt054.Camt054",
    "reconciliation.formats.mt940.Mt940",
    "reconciliation.formats.mt942.Mt942",
    "reconciliation.formats.coda.Coda",
    "reconciliation.formats.ing_csv.IngCsv",
    "reconciliation.formats.rabobank_csv.RabobankCsv",
    "reconciliation.formats.abnamro_tab.AbnAmroTab",
    "reconciliation.formats.volksbank_csv.VolksbankCsv",
    "reconciliation.formats.knab_csv.KnabCsv",
    "reconciliation.formats.bunq_csv.BunqCsv",
    "reconciliation.formats.revolut_csv.RevolutCsv",
]
# What can be written for the accountant's software.
EXPORT_KINDS = [
    "reconciliation.exports.journal_csv.JournalCsv",
    "reconciliation.exports.journal_xlsx.JournalXlsx",
    "reconciliation.exports.camt053.Camt053",
    "reconciliation.exports.mt940.Mt940",
    "reconciliation.exports.xaf.Xaf32",
    "reconciliation.exports.xaf.Xaf40",
    "reconciliation.exports.hledger.Hledger",
    "reconciliation.exports.beancount.Beancount",
]
SETTLEMENT_SOURCES = {
    "stripe": "reconciliation.sources.stripe.StripePayouts",
    "mollie": "reconciliation.sources.mollie.MollieSettlements",
    "adyen": "reconciliation.sources.adyen.AdyenReports",
}
# The accountant's software.
CONNECTORS = {
    "moneybird": "reconciliation.connectors.moneybird.Moneybird",
    "snelstart": "reconciliation.connectors.snelstart.SnelStart",
    "exact_online": "reconciliation.connectors.exact_online.ExactOnline",
    "eboekhouden": "reconciliation.connectors.eboekhouden.EBoekhouden",
    "xero": "reconciliation.connectors.xero.Xero",
}
# Where each answers (`_api`), exchanges tokens (`_token`) and lets people sign in (`_sign_in`): no merchant's to say.
CONNECTOR_ADDRESSES = {
    "moneybird_api": "https://moneybird.com/api/v2",
    "moneybird_token": "https://moneybird.com",
    "moneybird_sign_in": "https://moneybird.com",
    "snelstart_api": "https://b2bapi.snelstart.nl/v2",
    "snelstart_token": "https://auth.snelstart.nl",
    "exact_online_api": "https://start.exactonline.nl",
    "exact_online_token": "https://start.exactonline.nl",
    "exact_online_sign_in": "https://start.exactonline.nl",
    "eboekhouden_api": "https://api.e-boekhouden.nl",
    "xero_api": "https://api.xero.com",
    "xero_token": "https://identity.xero.com",
    "xero_sign_in": "https://login.xero.com",
}
# What a worker does about an operation just committed, by who carries it out; a sweep finds what no task was sent for.
OPERATION_TASKS = {"provider": "payments.submit", "terminal": "terminals.offer_refund"}
# Checks that upper floors add to `audit_ledger`, beside the ledger's own.
LEDGER_AUDITS = ["payments.audit.check", "terminals.audit.check", "reconciliation.audit.check"]
# Tables whose rows stay, each noted in a chain by which the audit names what is gone.
CHAINED = [
    "payments.ledger.chain.ENTRIES",
    "payments.people.chained.AUDIT_LOG",
    "payments.people.chained.APPROVALS",
    "payments.notify.chained.EVENTS",
    "payments.audit.chained.TRANSITIONS",
    "payments.audit.chained.EVIDENCE",
    "payments.audit.chained.PROVIDER_EVENTS",
]
# What the admin's search looks for, in the order in which it is shown.
SEARCHES = [
    "payments.admin.search.sales.FINDERS",
    "reconciliation.admin.search.FINDERS",
    "terminals.admin.search.FINDERS",
]
# What the floors above add to what waits for a person on the admin's first page.
ALARMS = ["terminals.admin.home.alarms", "reconciliation.admin.home.alarms"]
# Who makes terminals do something.
TERMINAL_DRIVERS = {
    "onetill_device": "terminals.providers.onetill_device.OnetillDevice",
    "simulator": "terminals.providers.simulator.Simulator",
    "mollie": "terminals.providers.mollie.Mollie",
    "stripe": "terminals.providers.stripe.Stripe",
    "adyen": "terminals.providers.adyen.driver.Adyen",
    "paynl": "terminals.providers.paynl.PayNl",
}
# What floors above add to the story of an order.
ORDER_STORIES = ["terminals.happenings.happenings"]
# When each provider account was last settled, as the floor above knows it.
LAST_SETTLEMENTS = "reconciliation.queries.last_settlements"
# How many shifts of terminals stand open in a channel at a moment, as the floor beside reconciliation knows it.
OPEN_SHIFTS = "terminals.queries.open_shifts"
# The IBANs of a merchant's own accounts in a currency, as the floor above knows them.
OWN_BANK_ACCOUNTS = "reconciliation.services.own_accounts.ibans_in"
# Who carries out what a second person has decided.
APPROVAL_ACTIONS = {
    "take_second_factor": "payments.services.colleagues.decide_recovery",
    "refund": "payments.services.refunds.decide.decide",
    "release_batch": "payments.services.transfer_batches.release.decide",
    "change_money_rules": "payments.services.setting_approvals.decide_change",
    "change_refund_rules": "payments.services.refund_rules.decide",
    "decide_alone": "payments.services.decide_alone.decide",
    "change_payout": "payments.services.setting_approvals.decide_change",
    "add_provider_account": "payments.services.setting_approvals.decide_account",
    "change_matching_rules": "reconciliation.services.matching_rules.decide",
    "add_connector": "reconciliation.services.connector_approvals.decide_new",
    "change_connector": "reconciliation.services.connector_approvals.decide_change",
    "write_off": "reconciliation.services.resolve.decide",
    "forced_match": "reconciliation.services.resolve.decide",
    "book_fee": "reconciliation.services.resolve.decide",
    "suspense": "reconciliation.services.resolve.decide",
    "accept": "reconciliation.services.resolve.decide",
    "undo_resolution": "reconciliation.services.undo.decide",
    "override_close": "reconciliation.services.close_period.decide_override",
    "reopen_period": "reconciliation.services.reopen_period.decide",
}
# What shows the second person the case to decide.
APPROVAL_PAGES = {
    **dict.fromkeys(("refund", "release_transfer"), "payments.admin.finance.approval_pages.refund"),
    "release_batch": "payments.admin.sales.transfer_batches.case",
    **dict.fromkeys(
        ("change_money_rules", "change_payout", "add_provider_account", "decide_alone"),
        "payments.admin.finance.approval_pages.setting",
    ),
    "take_second_factor": "payments.admin.finance.approval_pages.account",
    "change_matching_rules": "reconciliation.admin.matching_rule_approvals.case",
    "change_refund_rules": "payments.admin.setup.refund_rules.case",
    **dict.fromkeys(("add_connector", "change_connector"), "reconciliation.admin.connector_approvals.case"),
    **dict.fromkeys(
        ("write_off", "forced_match", "book_fee", "suspense", "accept"),
        "reconciliation.admin.approval_page.resolution",
    ),
    "undo_resolution": "reconciliation.admin.approval_page.undoing",
    **dict.fromkeys(("override_close", "reopen_period"), "reconciliation.admin.approval_page.period"),
}
