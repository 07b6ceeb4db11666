"""What finance and the shops' own people see and do; importing a module here registers its pages."""

from payments.admin import approvals as approvals
from payments.admin import books as books
from payments.admin import chargebacks as chargebacks
from payments.admin import customers as customers
from payments.admin import evidence as evidence
from payments.admin import inbox as inbox
from payments.admin import keys as keys
from payments.admin import links as links
from payments.admin import mails as mails
from payments.admin import orders as orders
from payments.admin import payments as payments
from payments.admin import refunds as refunds
from payments.admin import settings as settings
from payments.admin import transfers as transfers
from payments.admin import users as users
from payments.admin import vouchers as vouchers
from payments.admin import webhooks as webhooks
from payments.admin import work_failures as work_failures
