"""Files, payouts, bank lines and discrepancies, for finance; importing a module here registers its pages."""

from reconciliation.admin import account_mapping as account_mapping
from reconciliation.admin import announcements as announcements
from reconciliation.admin import bank_accounts as bank_accounts
from reconciliation.admin import connector_documents as connector_documents
from reconciliation.admin import connectors as connectors
from reconciliation.admin import discrepancies as discrepancies
from reconciliation.admin import export_schedules as export_schedules
from reconciliation.admin import exports as exports
from reconciliation.admin import files as files
from reconciliation.admin import mappings as mappings
from reconciliation.admin import matching_rules as matching_rules
from reconciliation.admin import payouts as payouts
from reconciliation.admin import periods as periods
from reconciliation.admin import settlements as settlements
from reconciliation.admin import statements as statements
