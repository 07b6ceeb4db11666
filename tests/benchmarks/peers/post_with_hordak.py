"""Post with django-hordak: a transaction and its two legs, as its documentation does. Prints transactions a second."""

import sys
import time

import django
from django.conf import settings


def configure(database: dict[str, str]) -> None:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **database}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "mptt",
            "hordak",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY="of no use",
        USE_TZ=True,
        HORDAK_CURRENCIES=["EUR"],
        DEFAULT_CURRENCY="EUR",
    )
    django.setup()


def main(seconds: float) -> None:
    from django.core.management import call_command
    from django.db import transaction
    from hordak.models import Account, AccountType, Leg, Transaction  # type: ignore[import-not-found]
    from moneyed import Money  # type: ignore[import-not-found]

    call_command("migrate", verbosity=0)
    receivable = Account.objects.create(name="Receivable", code="1", type=AccountType.asset, currencies=["EUR"])
    takings = Account.objects.create(name="Takings", code="2", type=AccountType.income, currencies=["EUR"])

    def post() -> None:
        with transaction.atomic():
            entry = Transaction.objects.create(description="captured")
            Leg.objects.create(transaction=entry, account=receivable, debit=Money("12.50", "EUR"))
            Leg.objects.create(transaction=entry, account=takings, credit=Money("12.50", "EUR"))

    for _ in range(20):
        post()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        post()
        count += 1
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    names = ("HOST", "USER", "PASSWORD", "NAME")
    configure(dict(zip(names, sys.argv[2:], strict=True)))
    main(float(sys.argv[1]))
