"""The endpoints for monitoring: liveness, readiness and metrics."""

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from config.observability import components
from config.observability import metrics as figures
from payments.api.addresses import is_local
from payments.api.errors import problem
from payments.core.errors import Unauthenticated

_NEEDS_BEARER: Final = (
    "From another machine, or through a proxy, send the token that METRICS_TOKEN sets: Authorization: Bearer …"
)


def _has_token(request: HttpRequest) -> bool:
    token = str(settings.METRICS_TOKEN)
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return bool(token) and kind.lower() == "bearer" and constant_time_compare(given.strip(), token)


@csrf_exempt  # it changes nothing: a wrong method gets 405, not a CSRF error
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process does."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200, or 503 and the parts that are down; `?only=database,migrations` checks these alone."""
    wanted = [name for name in request.GET.get("only", "").split(",") if name] or components.names()
    unknown = sorted(set(wanted) - {*components.names(), components.SIMULATOR})
    if unknown:
        return JsonResponse({"status": "unknown part", "down": [], "parts": list(components.names())}, status=400)
    down = sorted(name for name, answers in components.states(wanted).items() if not answers)
    return JsonResponse({"status": "unavailable" if down else "ok", "down": down}, status=503 if down else 200)


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return metrics in Prometheus' text format, to programs on this machine and holders of `METRICS_TOKEN`."""
    if not is_local(request) and not _has_token(request):
        return problem(Unauthenticated("metrics_token_required", _NEEDS_BEARER), request)
    return HttpResponse(figures.text(), content_type=CONTENT_TYPE_LATEST)
