"""The banner that `make run` prints once everything answers."""

import shlex
from typing import Any, Final

from django.conf import settings

from config.standalone import home

_RULE: Final = "─" * 78
_GIVEN: Final = not (settings.EMBEDDED_DATABASE and settings.EMBEDDED_REDIS)
_PYTHON: Final = ".venv/bin/python manage.py"


def banner(cast: dict[str, Any] | None) -> str:
    """Return the addresses and how to sign in; `cast` has the demo's users and keys, if it runs."""
    lines = [
        _RULE,
        f"Onetill runs.  API {settings.PUBLIC_URL}/v1 · docs {settings.PUBLIC_URL}/v1/docs",
        f"               admin {settings.PUBLIC_URL}/admin/ · streams {settings.STREAM_URL}",
        f"               data {settings.ONETILL_HOME}",
        *(_signed_in(cast) if cast else _how_to_begin()),
        "Ctrl-C ends it.",
        _RULE,
    ]
    return "\n".join(lines)


def _signed_in(cast: dict[str, Any]) -> list[str]:
    return [
        f"Admin sign-in: {cast['admin']['username']} / {cast['admin']['password']}",
        f"  then the six digits that this prints: {_here()}{_PYTHON} demo_code",
        f"Second person: {cast['second']['username']} / {cast['second']['password']}",
        f"  then the six digits that this prints: {_here()}{_PYTHON} demo_code {cast['second']['username']}",
        f"API key:       {cast['api_key']}",
        *_channels(cast),
        *_to_pay(cast.get("pay_url")),
        *_counter(cast.get("counter")),
        "Try:",
        *_curl(cast["api_key"], cast.get("channel")),
        *_device(cast["api_key"], cast.get("store")),
    ]


def _channels(cast: dict[str, Any]) -> list[str]:
    named = [f"{kind} {cast[name]}" for kind, name in (("webshop", "channel"), ("store", "store")) if cast.get(name)]
    return [f"Channels:      {' · '.join(named)}"] if named else []


def _device(key: str, store: str | None) -> list[str]:
    command = f"{_PYTHON} simulate_terminal --base-url {settings.PUBLIC_URL} --api-key {key} --channel {store}"
    return [f"A card terminal at work in the store (in {home.PROJECT}):", f"  {command}"] if store else []


def _here() -> str:
    """Return the variable by which a command in another shell finds this installation; "" for the default one."""
    if home.usual() == settings.ONETILL_HOME:
        return ""
    return f"ONETILL_HOME={shlex.quote(str(settings.ONETILL_HOME))} "


def _to_pay(url: str | None) -> list[str]:
    if url is None:
        return []
    letters = (
        [] if settings.EMAIL_HOST else [f"E-mail:        {settings.EMAIL_FILE_PATH} (nothing leaves this machine)"]
    )
    return [f"Pay as a customer: {url}", *letters]


def _counter(counter: dict[str, str] | None) -> list[str]:
    """How store staff get to their page: a browser is paired once, and its people sign in by their code."""
    if counter is None:
        return []
    return [
        f"Store's counter: {counter['address']}  pair with {counter['pairing_code']} (ten minutes),",
        f"  then {counter['person']}, code {counter['code']}",
    ]


def _how_to_begin() -> list[str]:
    where = f"ONETILL_HOME={shlex.quote(str(settings.ONETILL_HOME))} PORT={settings.PORT}"
    return [
        f"No demo. In another shell, in {home.PROJECT}:",
        f"  export {where}",
        *(["  and the DATABASE_URL and REDIS_URL of this one"] if _GIVEN else []),
        f"  {_PYTHON} invite --superuser --email you@example.com      (prints the link by which you join)",
        f"  {_PYTHON} create_merchant --json --name Shop",
        f"  {_PYTHON} create_channel --json --merchant mer_… --kind online --name Webshop",
        f"  {_PYTHON} create_channel --json --merchant mer_… --kind in_store --name Store",
        f"  {_PYTHON} create_api_key --json --merchant mer_… --scopes all",
    ]


def _curl(key: str, channel: str | None) -> list[str]:
    place = f', "channel": "{channel}"' if channel else ""
    # With its total the order is charged once, however often this is copied.
    body = (
        '{"order_reference": "1001", "order_total": 1250, "amount": 1250, '
        f'"currency": "EUR", "method": "card"{place}}}'
    )
    return [
        f"  curl {settings.PUBLIC_URL}/v1/payments -H 'Authorization: Bearer {key}' \\",
        "    -H 'Content-Type: application/json' -H \"Idempotency-Key: $(date +%s%N)\" \\",
        f"    -d '{body}'",
    ]
