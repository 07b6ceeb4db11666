"""The web application, for granian; a body that comes in chunks is measured before Django sees it."""

import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import IO, Any, Final

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

PIECE: Final = 65_536

_django = get_wsgi_application()

from payments.people import throttled  # noqa: E402 (it needs the applications that Django has just loaded)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Refuse clients that guess keys; else buffer a body without Content-Length, which Django would not read."""
    if seconds := throttled.seconds_to_wait(environ):
        return throttled.refuse(environ, start_response, seconds)
    if "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return _django(environ, start_response)
    with tempfile.SpooledTemporaryFile(max_size=settings.MAX_JSON_BYTES) as body:
        environ["CONTENT_LENGTH"] = str(_copy(environ["wsgi.input"], body, _limit(environ)))
        environ["wsgi.input"] = body
        with closing(_django(environ, start_response)) as response:
            return list(response)


def _limit(environ: dict[str, Any]) -> int:
    is_upload = environ.get("CONTENT_TYPE", "").startswith("multipart/")
    return settings.MAX_IMPORT_MB * 1_000_000 if is_upload else settings.MAX_JSON_BYTES


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> int:
    """Copy until the end, or until one piece beyond what is allowed: enough to be refused for its length."""
    while target.tell() <= limit and (piece := source.read(PIECE)):
        target.write(piece)
    length = target.tell()
    target.seek(0)
    return length
