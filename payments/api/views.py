"""What every view of the API has: a key and its scope before the body is read, one form of answer, one effect."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final, TypeVar, cast

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from payments.api import idempotency, request_body
from payments.api.authentication import ApiKeyAuthentication
from payments.api.errors import MethodNotAllowed, handle
from payments.api.idempotency import Answer, encode, respond
from payments.api.inputs import CHANNEL_REQUIRED, Paging, Query, read, read_query
from payments.api.pagination import page
from payments.core.errors import Forbidden, Invalid, NotFound
from payments.core.inputs import Input
from payments.db.compiled_queries import CompiledQuery
from payments.models import Channel, Merchant
from payments.people.actors import Caller
from payments.people.scopes import WHOLE_MERCHANT
from payments.services.idempotency import IdempotencyGuard, IdempotentRequest

Row = TypeVar("Row", bound=Model)
Given = TypeVar("Given", bound=Input)
Shape = dict[str, Any]

_CHANNEL: Final = CompiledQuery(
    lambda merchant_id, channel_id: Channel.objects.select_related("merchant").filter(
        merchant_id=merchant_id, id=channel_id
    )
)


class JsonView(APIView):
    """Answers in JSON and refuses in problem+json, whatever the request says it accepts."""

    authentication_classes: Sequence[type[BaseAuthentication]] = ()
    permission_classes = ()
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)
    http_method_names = ["get", "post", "patch", "delete", "head"]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), "application/json"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Speak English, whatever a client's Accept-Language says: programs compare and log texts."""
        with translation.override("en"):
            return super().dispatch(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], HttpResponse | None]:
        return handle

    @property
    def plain(self) -> HttpRequest:
        """The request below REST framework's own."""
        plain: HttpRequest = self.request._request  # noqa: SLF001  (REST framework offers no public access)
        return plain

    def answer(self, shape: Any, status: int = 200) -> HttpResponse:
        """Answer with an object as it looks to the outside."""
        return respond(status, encode(shape))


class ApiView(JsonView):
    """A view for holders of an API key. `scopes` names the scope that each method needs ("" for none)."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (ApiKeyAuthentication,)
    scopes: ClassVar[Mapping[str, str]] = {}
    of_channel: ClassVar[bool] = False  # its rows may be a channel's own, whatever else its scope opens

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        scope = self.scopes.get("GET" if request.method == "HEAD" else str(request.method))
        if scope is None:
            raise MethodNotAllowed
        if scope:
            self.caller.require(scope)
        if scope in WHOLE_MERCHANT and not self.of_channel:
            self.must_be_untied()

    @property
    def caller(self) -> Caller:
        """Who is asking."""
        return cast("Caller", self.request.auth)

    @cached_property
    def merchant(self) -> Merchant:
        """The merchant of the caller's key."""
        return Merchant.objects.get(id=self.caller.merchant_id)

    def own(self, rows: QuerySet[Row], *, channel: str | None = "channel_id") -> QuerySet[Row]:
        """Only what the caller may see: the merchant's; and where the key is tied to a channel, that channel's.

        `channel` is the column that says whose a row is; `None` for what every channel of the merchant may see.
        """
        rows = rows.filter(merchant_id=self.caller.merchant_id)
        if channel is not None and self.caller.channel_id is not None:
            rows = rows.filter(**{channel: self.caller.channel_id})
        return rows

    def one(self, rows: QuerySet[Row], **lookup: Any) -> Row:
        """The one row of this lookup.

        Raises:
            NotFound: there is none, or it is not the caller's.
        """
        readable = not any("\0" in value for value in lookup.values() if isinstance(value, str))
        row = rows.filter(**lookup).first() if readable else None
        if row is None:
            raise NotFound.of(str(getattr(rows.model, "OBJECT", "object")).replace("_", " "))
        return row

    def must_be_untied(self) -> None:
        """Refuse a key of one channel what is the whole merchant's.

        Raises:
            Forbidden: `channel_not_allowed`.
        """
        if self.caller.channel_id is not None:
            raise Forbidden("channel_not_allowed", "This key is tied to one channel. Use a key of the whole merchant.")

    def channel(self, given: Channel | None) -> Channel:
        """The channel a request is about: the given one, else the one that the key is tied to.

        Raises:
            Invalid: `channel_required`.
        """
        channel = self.channel_if_any(given)
        if channel is None:
            raise Invalid("channel_required", CHANNEL_REQUIRED, param="channel")
        return channel

    def channel_if_any(self, given: Channel | None) -> Channel | None:
        """The given channel, else the one that the key is tied to, if it is."""
        if given is not None or self.caller.channel_id is None:
            return given
        return _CHANNEL.first(self.caller.merchant_id, self.caller.channel_id)

    def input(self, form: type[Given]) -> Given:
        """What the body says; a body that has nothing to say may be left out.

        Raises:
            Malformed, UnsupportedMediaType, TooLarge: it cannot be read.
            ValidationFailed: what it says is wrong, every fault at once.
        """
        if form.may_be_left_out() and not request_body.read_bytes(self.plain):
            return form()
        _, data = request_body.read_json(self.plain)
        return read(form, data, caller=self.caller)

    def query(self, form: type[Given]) -> Given:
        """What the address's parameters say.

        Raises:
            ValidationFailed: there is an unknown or wrong one.
        """
        return read_query(form, self.plain.GET, caller=self.caller)

    def no_query(self) -> None:
        """Refuse parameters of an address that takes none.

        Raises:
            ValidationFailed: there are some.
        """
        read_query(Query, self.plain.GET)

    def page(self, rows: QuerySet[Row], shape: Callable[[Row], Shape], query: Paging) -> HttpResponse:
        """One page of a list, newest first; `shape` asks the database nothing."""
        return self.page_of(rows, lambda shown: [shape(row) for row in shown], query)

    def page_of(self, rows: QuerySet[Row], shapes: Callable[[list[Row]], list[Shape]], query: Paging) -> HttpResponse:
        """One page of a list whose shapes are made all at once."""
        return self.answer(page(rows, shapes, limit=query.limit, cursor=query.cursor))

    def once(self, make: Callable[[IdempotencyGuard], Answer], resume: Callable[[str], Answer]) -> HttpResponse:
        """Answer a POST once per Idempotency-Key: `make` it, or `resume` the object that the key names.

        Raises:
            Malformed: `idempotency_key_required`.
        """
        self.no_query()
        key = idempotency.key_of(self.plain)
        content = request_body.read_bytes(self.plain)
        keyed = IdempotentRequest(
            merchant_id=self.caller.merchant_id, key=key, fingerprint=idempotency.fingerprint(self.plain, content)
        )
        return idempotency.once(keyed, make, resume)


def channel_of(caller: Caller, channel_id: str) -> Channel | None:
    """A channel that the caller may name in a body.

    Raises:
        Forbidden: the key is tied to another.
    """
    must_speak_for(caller, channel_id)
    return _CHANNEL.first(caller.merchant_id, channel_id)


def must_speak_for(caller: Caller, channel_id: str) -> None:
    """Refuse to act in the name of a channel that the key is not tied to.

    Raises:
        Forbidden: the key is tied to another.
    """
    if caller.channel_id is not None and channel_id != caller.channel_id:
        raise Forbidden("channel_not_allowed", "This key is tied to another channel. Use that channel's key.")
