"""What reconciliation remembers: files, settlements, payouts and bank statements, one subject a file."""

from reconciliation.models.announcement import Announcement
from reconciliation.models.bank_account import BankAccount
from reconciliation.models.connector import Connector, ConnectorDocument, ConnectorEntry
from reconciliation.models.export import AccountMapping, Export, ExportSchedule
from reconciliation.models.file_mapping import FileMapping
from reconciliation.models.matching_rule import MatchingRule
from reconciliation.models.payout import Payout
from reconciliation.models.payout_allocation import PayoutAllocation
from reconciliation.models.period import Period, PeriodChange
from reconciliation.models.resolution_step import ResolutionStep
from reconciliation.models.settlement import Settlement, SettlementLine
from reconciliation.models.settlement_file import SettlementFile
from reconciliation.models.statement import BankStatement, BankStatementLine

__all__ = [
    "AccountMapping",
    "Announcement",
    "BankAccount",
    "BankStatement",
    "BankStatementLine",
    "Connector",
    "ConnectorDocument",
    "ConnectorEntry",
    "Export",
    "ExportSchedule",
    "FileMapping",
    "MatchingRule",
    "Payout",
    "PayoutAllocation",
    "Period",
    "PeriodChange",
    "ResolutionStep",
    "Settlement",
    "SettlementFile",
    "SettlementLine",
]
