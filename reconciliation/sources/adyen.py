"""Adyen's settlement detail reports, fetched when REPORT_AVAILABLE announces one.

Only the report's name is taken from the webhook, as that is signed: its address is made here. Adyen has no list of
reports; it repeats a webhook that nobody took for a week, and what is lost even then can be uploaded.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, Final
from urllib.parse import quote

import httpx
from django.conf import settings

from payments.providers.adyen.client import is_live, merchant_account, pooled, unusable
from payments.providers.adyen.webhooks import REPORT
from payments.providers.base import Credentials
from reconciliation.sources.base import PayoutState, SourceUnavailable

REPORT_KEY: Final = "report_api_key"
_TIMEOUT: Final = httpx.Timeout(60.0, connect=3.0)


class AdyenReports:
    """Reports of one batch each, in the format that is uploaded as well."""

    code: ClassVar[str] = "adyen"
    format: ClassVar[str] = "adyen_settlement"

    def look(self, reference: str, credentials: Credentials) -> PayoutState:
        """A report is made once its batch is closed: what is announced is complete."""
        return PayoutState(complete=True)

    def lines(self, reference: str, credentials: Credentials) -> Iterator[bytes]:
        """The report as Adyen has it."""
        url, key = _address(reference, credentials)
        try:
            with pooled(os.getpid()).stream("GET", url, headers={"X-API-Key": key}, timeout=_TIMEOUT) as answer:
                if not answer.is_success:
                    raise SourceUnavailable(f"Adyen answered {answer.status_code} when asked for {reference}.")
                yield from answer.iter_bytes()
        except httpx.HTTPError as error:
            raise SourceUnavailable(f"Adyen did not answer when asked for {reference}.") from error

    def recent(self, credentials: Credentials, since: datetime) -> list[str]:
        """None: Adyen has no list of reports."""
        return []


def _address(reference: str, credentials: Credentials) -> tuple[str, str]:
    """Where a report is, and the key that opens it."""
    missing = unusable(credentials)
    if missing is not None:
        raise SourceUnavailable(missing[1])
    key = (credentials.secrets.get(REPORT_KEY) or "").strip()
    if not key.isascii() or not key.isprintable() or not key:
        raise SourceUnavailable("This provider account has no report_api_key; reports cannot be fetched.")
    if not REPORT.fullmatch(reference):
        raise SourceUnavailable(f"{reference} is no settlement detail report.")
    base = settings.ADYEN_REPORTS_LIVE_URL if is_live(credentials) else settings.ADYEN_REPORTS_URL
    merchant = quote(merchant_account(credentials), safe="")
    return f"{base}/reports/download/MerchantAccount/{merchant}/{reference}", key
