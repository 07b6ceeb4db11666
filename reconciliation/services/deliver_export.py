"""Hand over what was exported on a schedule: into the server's export folder, by e-mail, or later by SFTP."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from payments import mail
from reconciliation import registry
from reconciliation.models import Export, ExportSchedule

MOST_BY_MAIL: Final = 10_000_000  # bytes; mail servers take little more


def file_name(export: Export) -> str:
    """What the file is called where it arrives: the same for the same request."""
    parts = [export.kind, export.profile, export.account.partition(":")[2], export.channel_id or ""]
    name = "-".join(part for part in parts if part)
    return f"{name}-{export.first}-{export.last}-{export.currency}.{registry.export_kinds()[export.kind].suffix}"


def deliver(export: Export) -> None:
    """Hand a released export over as its schedule says; in the transaction that releases it."""
    schedule = export.schedule
    if schedule is None:
        return
    if schedule.delivery == ExportSchedule.Delivery.SFTP:
        # Nobody's server is waited for in a transaction: `put_exports` does it.
        export.delivery_due_at = timezone.now()
        export.save(update_fields=["delivery_due_at"])
        return
    if schedule.delivery == ExportSchedule.Delivery.FOLDER:
        _to_folder(export)
    else:
        _by_mail(export, schedule)
    export.delivered_at = timezone.now()
    export.save(update_fields=["delivered_at"])


def _to_folder(export: Export) -> None:
    """Under its name only when it is complete: who watches the folder never takes half a file."""
    folder = Path(settings.EXPORT_FOLDER) / export.merchant_id
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with export.file.open("rb") as source, tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
        shutil.copyfileobj(source, draft)
    Path(draft.name).replace(folder / file_name(export))


def _by_mail(export: Export, schedule: ExportSchedule) -> None:
    with translation.override(export.merchant.language):
        subject = _("Export %(kind)s of %(shop)s, %(first)s to %(last)s") % {
            "kind": export.kind,
            "shop": export.merchant.name,
            "first": export.first,
            "last": export.last,
        }
        text = _("The file is attached.") if export.size <= MOST_BY_MAIL else _too_large(export)
    attached = _attachment(export) if export.size <= MOST_BY_MAIL else None
    letter = mail.Letter(
        merchant_id=export.merchant_id,
        channel_id=None,
        object_id=export.id,
        to=schedule.email,
        subject=subject,
        text=f"{text}\n\nSHA-256: {export.sha256}\n",
        attachment=attached,
        sender=export.merchant.name,
    )
    mail.write(letter)


def _too_large(export: Export) -> str:
    address = f"{settings.PUBLIC_URL}/admin/reconciliation/export/{export.id}/change/"
    return _("The file is too large for an e-mail. Fetch it here: %(address)s") % {"address": address}


def _attachment(export: Export) -> mail.Attachment:
    with export.file.open("rb") as source:
        kind = registry.export_kinds()[export.kind]
        return mail.Attachment(name=file_name(export)[-100:], type=kind.media_type, content=source.read())
