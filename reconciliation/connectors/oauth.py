"""Signing in by OAuth 2: the address that a person is sent to, and tokens for its code or for a refresh token.

A refused refresh token (`invalid_grant`) means that a person has to sign in again. That includes one that was used
before: where refresh tokens rotate (Exact Online, Xero) each is good for one use.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from reconciliation.connectors.base import (
    NotReached,
    OAuth,
    Refused,
    SignInNeeded,
    TokenRefused,
    Tokens,
    Unclear,
)
from reconciliation.connectors.http import Answer, ask

MARGIN: Final = timedelta(seconds=30)  # Exact Online refuses a refresh that comes earlier than this before the end
CLIENT: Final = ("client_id", "client_secret")


def authorize_url(base: str, oauth: OAuth, *, credentials: Mapping[str, str], redirect: str, state: str) -> str:
    """Return the address at which a person lets Onetill in."""
    query = {
        "response_type": "code",
        "client_id": credentials["client_id"],
        "redirect_uri": redirect,
        "state": state,
        **({"scope": " ".join(oauth.scopes)} if oauth.scopes else {}),
    }
    return f"{base}{oauth.authorize}?{urlencode(query, quote_via=quote)}"


def tokens_for_code(base: str, oauth: OAuth, *, credentials: Mapping[str, str], redirect: str, code: str) -> Tokens:
    """Exchange the code of a sign-in for tokens.

    Raises:
        SignInNeeded: the code is not good.
    """
    return _tokens(
        base, oauth, credentials, {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
    )


def refreshed(base: str, oauth: OAuth, *, credentials: Mapping[str, str], tokens: Tokens | None) -> Tokens:
    """Exchange a refresh token for new tokens; the old one is kept where no new one is given.

    Raises:
        SignInNeeded: there is no refresh token, or it is refused.
    """
    if tokens is None or not tokens.refresh:
        raise SignInNeeded("not_signed_in")
    given = _tokens(base, oauth, credentials, {"grant_type": "refresh_token", "refresh_token": tokens.refresh})
    return given if given.refresh else Tokens(given.access, tokens.refresh, given.expires_at)


def is_due(tokens: Tokens | None, now: datetime) -> bool:
    """Tell whether the access token has to be renewed before it is used."""
    return tokens is None or (tokens.expires_at is not None and now >= tokens.expires_at - MARGIN)


def _tokens(base: str, oauth: OAuth, credentials: Mapping[str, str], form: Mapping[str, str]) -> Tokens:
    client = {name: credentials[name] for name in CLIENT}
    headers = {"Authorization": _basic(**client)} if oauth.basic else {}
    try:
        answer = ask(
            "POST",
            f"{base}{oauth.token}",
            headers=headers,
            form={**form, **({} if oauth.basic else client)},
            writes=True,
            explain=_words,
        )
    except TokenRefused as error:  # 401: the client's own id or secret
        raise SignInNeeded("client_refused", "") from error
    except Refused as error:
        # Only a refused grant ends the sign-in: what is merely too early, or badly timed, is asked again later.
        if error.detail.startswith(("invalid_grant", "invalid_client", "unauthorized_client")):
            raise SignInNeeded("sign_in_refused", error.detail) from error
        raise NotReached("refresh_refused", error.detail) from error
    return _read(answer)


def _read(answer: Answer) -> Tokens:
    body: Any = answer.body
    try:
        access, seconds = str(body["access_token"]), body.get("expires_in")
        ends = None if seconds is None else datetime.now(UTC) + timedelta(seconds=int(seconds))
        return Tokens(access, str(body.get("refresh_token") or ""), ends)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unclear("no_answer", "unreadable") from error


def _words(body: Any) -> str:
    return f"{body['error']}: {body.get('error_description') or ''}".removesuffix(": ")


def _basic(client_id: str, client_secret: str) -> str:
    pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
