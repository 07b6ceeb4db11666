"""Is this process alive, is every part of the installation there, and the figures for a monitoring system."""

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


@csrf_exempt  # nothing is changed here: a wrong method is told so, not refused as a forgery
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Every part answers, or what does not is named; `?only=database,migrations` asks for these alone."""
    wanted = [name for name in request.GET.get("only", "").split(",") if name] or components.names()
    unknown = sorted(set(wanted) - {*components.names(), components.SIMULATOR})
    if unknown:
        return JsonResponse({"status": "unknown part", "down": [], "parts": list(components.names())}, status=400)
    down = sorted(name for name, answers in components.states(wanted).items() if not answers)
    return JsonResponse({"status": "unavailable" if down else "ok", "down": down}, status=503 if down else 200)


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures in Prometheus' text format: for programs on this machine, and whoever has `METRICS_TOKEN`."""
    if not is_local(request) and not _has_token(request):
        return problem(Unauthenticated("metrics_token_required", _NEEDS_BEARER), request)
    return HttpResponse(figures.text(), content_type=CONTENT_TYPE_LATEST)
