"""What finance and the shops' own people see and do; importing a module here registers its pages."""

from payments.admin.customers import customers as customers
from payments.admin.customers import emails as emails
from payments.admin.customers import links as links
from payments.admin.finance import approvals as approvals
from payments.admin.finance import books as books
from payments.admin.sales import card_evidence as card_evidence
from payments.admin.sales import chargebacks as chargebacks
from payments.admin.sales import orders as orders
from payments.admin.sales import payments as payments
from payments.admin.sales import refunds as refunds
from payments.admin.sales import tills as tills
from payments.admin.sales import transfer_batches as transfer_batches
from payments.admin.sales import transfers as transfers
from payments.admin.sales import vouchers as vouchers
from payments.admin.setup import api_keys as api_keys
from payments.admin.setup import provider_events as provider_events
from payments.admin.setup import refund_rules as refund_rules
from payments.admin.setup import settings as settings
from payments.admin.setup import users as users
from payments.admin.setup import webhooks as webhooks
from payments.admin.setup import work_failures as work_failures
