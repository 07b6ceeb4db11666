"""Post with django-ledger: `commit_txs` on an entity, as its documentation does. Prints journal entries a second."""

import sys
import time
from decimal import Decimal

import django
from django.conf import settings


def configure(database: dict[str, str]) -> None:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **database}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django_ledger",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SECRET_KEY="of no use",
        USE_TZ=True,
    )
    django.setup()


def main(seconds: float) -> None:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.utils import timezone
    from django_ledger.io import roles  # type: ignore[import-not-found]
    from django_ledger.models import EntityModel  # type: ignore[import-not-found]

    call_command("migrate", verbosity=0)
    admin = get_user_model().objects.create_user("bench")
    entity = EntityModel.create_entity(name="Bench", use_accrual_method=True, admin=admin, fy_start_month=1)
    entity.create_chart_of_accounts(assign_as_default=True, commit=True)
    asset = entity.create_account(
        code="1010", role=roles.ASSET_CA_RECEIVABLES, name="Receivable", balance_type="debit", active=True
    )
    income = entity.create_account(
        code="4010", role=roles.INCOME_OPERATIONAL, name="Takings", balance_type="credit", active=True
    )
    ledger = entity.create_ledger(name="Payments", posted=True)

    def post() -> None:
        amount = Decimal("12.50")
        entity.commit_txs(
            je_timestamp=timezone.now(),
            je_txs=[
                {"account": asset, "amount": amount, "tx_type": "debit", "description": "captured"},
                {"account": income, "amount": amount, "tx_type": "credit", "description": "captured"},
            ],
            je_posted=True,
            je_ledger_model=ledger,
        )

    for _ in range(5):
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
