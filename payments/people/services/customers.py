"""Customers: recognize, remember, forget."""

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from payments import audit_log, mail
from payments.core.crypto import keyed_hash
from payments.core.errors import NotFound
from payments.people.models import Customer


def recognize(*, merchant_id: str, email: str) -> list[Customer]:
    """Everyone this merchant knows by this address, whichever channel they came in by; oldest first."""
    digest = email_hash(email)
    if not digest:
        return []
    return list(Customer.objects.filter(merchant_id=merchant_id, email_hash=digest).order_by("id"))


def called(text: str) -> Q:
    """Ask for customers by what a person typed: an e-mail address or a number whole, a name in part."""
    if "@" in text:
        return Q(email_hash=email_hash(text))
    return Q(reference=text) | Q(loyalty_id=text) | Q(name__icontains=text)


def get_or_create(
    *, merchant_id: str, reference: str | None = None, email: str | None = None, name: str | None = None
) -> Customer | None:
    """Find or create the customer that a request describes; None where it has no details.

    A reference names exactly one. An address alone names the only one known by it, else one without a reference. Two
    requests at once end with the same row. New details replace the known ones; missing details stay as they are.
    """
    details = {key: value for key, value in (("email", (email or "").strip()), ("name", (name or "").strip())) if value}
    if not reference and not details:
        return None
    if "email" in details:
        details["email_hash"] = email_hash(details["email"])
    if reference:
        return _by_reference(merchant_id, reference, details)
    if "email_hash" in details:
        return _by_address(merchant_id, details)
    return Customer.objects.create(merchant_id=merchant_id, **details)


def counter_key(*, customer: str | None, loyalty_id: str | None) -> str:
    """The name under which `at_counter` returns whom a sale names; empty where it names nobody.

    `customer` is the merchant's reference or our id (`cus_…`).
    """
    if loyalty_id:
        return f"loyalty_id:{loyalty_id}"
    return f"{'id' if customer.startswith('cus_') else 'reference'}:{customer}" if customer else ""


def at_counter(*, merchant_id: str, keys: Collection[str]) -> dict[str, Customer]:
    """Return the customers of a batch of sales by the key of each; new names become customers.

    An id of ours that is not there is left out. A constant number of round trips.
    """
    named: dict[str, set[str]] = {"id": set(), "reference": set(), "loyalty_id": set()}
    for key in keys:
        column, _, name = key.partition(":")
        named[column].add(name)
    ids = named.pop("id")
    given = named
    found = _named(merchant_id, ids, given)
    fresh = [
        Customer(merchant_id=merchant_id, **{column: name})
        for column, names in given.items()
        for name in sorted(names)
        if f"{column}:{name}" not in found
    ]
    if fresh:
        # Of two devices at once one insert wins by the unique index; both then read that row.
        Customer.objects.bulk_create(fresh, ignore_conflicts=True)
        found = _named(merchant_id, ids, given)
    return found


def _named(merchant_id: str, ids: Collection[str], given: Mapping[str, Collection[str]]) -> dict[str, Customer]:
    """By `id:…`, `reference:…` and `loyalty_id:…`."""
    wanted = Q(id__in=ids) | Q(reference__in=given["reference"]) | Q(loyalty_id__in=given["loyalty_id"])
    rows = list(Customer.objects.filter(wanted, merchant_id=merchant_id))
    return {f"{column}:{getattr(row, column)}": row for column in ("id", "reference", "loyalty_id") for row in rows}


def forget(*, customer_id: str, merchant_id: str, actor: str) -> Customer:
    """Forget who a customer is. Their payments stay, by law, and lead to a row that tells nothing.

    Raises:
        NotFound: no such customer.
    """
    with transaction.atomic():
        # Locked: a request that names this customer meanwhile must not write the erased details back.
        known = Customer.objects.select_for_update().filter(id=customer_id, merchant_id=merchant_id)
        customer = known.first()
        if customer is None:
            raise NotFound
        if customer.erased_at is None:
            if customer.email:
                mail.forget_address(merchant_id=merchant_id, to=customer.email)
            customer.reference = customer.loyalty_id = None
            customer.email = customer.email_hash = customer.name = ""
            customer.erased_at = timezone.now()
            customer.save(update_fields=["reference", "loyalty_id", "email", "email_hash", "name", "erased_at"])
            audit_log.write(actor=actor, action="customer.erased", subject=customer, merchant_id=merchant_id)
    return customer


def _by_reference(merchant_id: str, reference: str, details: dict[str, str]) -> Customer:
    known = Customer.objects.filter(merchant_id=merchant_id, reference=reference)
    customer = known.first()
    if customer is None:
        fresh = Customer(merchant_id=merchant_id, reference=reference, **details)
        # Of two first requests at once one insert wins by the unique index; both then read that row.
        Customer.objects.bulk_create([fresh], ignore_conflicts=True)
        customer = known.get()
    return _updated(customer, details)


def _by_address(merchant_id: str, details: dict[str, str]) -> Customer:
    known = Customer.objects.filter(merchant_id=merchant_id, email_hash=details["email_hash"])
    # Two rows are enough to know that the address alone does not identify one.
    candidates = list(known.order_by("id")[:2])
    nameless = known.filter(reference__isnull=True)
    customer = candidates[0] if len(candidates) == 1 else nameless.first()
    if customer is None:
        Customer.objects.bulk_create([Customer(merchant_id=merchant_id, **details)], ignore_conflicts=True)
        customer = nameless.get()
    return _updated(customer, details)


def _updated(customer: Customer, details: dict[str, str]) -> Customer:
    changed = [key for key, value in details.items() if getattr(customer, key) != value]
    if changed:
        for key in changed:
            setattr(customer, key, details[key])
        customer.save(update_fields=changed)
    return customer


def email_hash(email: str) -> str:
    """Addresses are compared without regard to case: no mail server in use tells them apart."""
    address = email.strip().casefold()
    return keyed_hash(address) if address else ""
