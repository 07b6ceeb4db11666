"""What a second person is shown of matching rules that would tolerate more than before."""

from django.utils.translation import gettext as _

from payments.admin.base.links import row_link
from payments.admin.base.page import Section
from payments.admin.finance.approval_pages import Case
from payments.models import ProviderAccount
from payments.people.models import Approval
from reconciliation.admin.matching_rule_forms import columns, written
from reconciliation.models import MatchingRule
from reconciliation.services.matching_rules import settings_of


def case(approval: Approval) -> Case:
    """The rules that would change, as they are and as they would be."""
    account = ProviderAccount.objects.get(id=approval.subject_id)
    before = {one.rule: one for one in settings_of(approval.payload["before"])}
    rows = []
    for then in settings_of(approval.payload["changes"]):
        if (now := before[then.rule]) == then:
            continue
        name = MatchingRule.Rule(then.rule).label
        rows.append([name, _("now"), *written(now, account.currency)])
        rows.append([name, _("then"), *written(then, account.currency)])
    table = Section(id="changes", title=_("What changes"), columns=[_("rule"), "", *columns()], rows=rows)
    return Case(what=account.name, facts=[(_("provider account"), row_link(account))], sections=[table])
