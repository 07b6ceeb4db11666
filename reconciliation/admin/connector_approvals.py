"""What a second person is shown of a new connector, or of a change of where the books go."""

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from payments.admin.base.page import Section
from payments.admin.finance.approval_pages import Case
from payments.people.models import Approval
from reconciliation.admin.connector_forms import CREDENTIALS, SETTINGS, package_name
from reconciliation.models import Connector


def case(approval: Approval) -> Case:
    """A new connector, or a change of where the books go, as a second person decides about it."""
    row = Connector.objects.filter(id=approval.subject_id).first()
    payload = approval.payload
    changes = payload["changes"]
    now = payload["before"].get("settings", {})
    rows = [
        [capfirst(str(SETTINGS.get(name, name))), now.get(name, ""), value]
        for name, value in changes.get("settings", {}).items()
    ]
    rows += [
        [_("credential %(name)s") % {"name": CREDENTIALS.get(name, name)}, "", _("replaced")]
        for name in payload.get("credentials", ())
    ]
    columns = [_("setting"), _("now"), _("then")]
    return Case(
        what=changes.get("name") or (row and row.name),
        facts=[(_("package"), package_name(changes.get("kind") or (row.kind if row else "")))],
        sections=[Section(id="changes", title=_("What changes"), columns=columns, rows=rows)],
    )
