"""The floor of (h): a view of Django REST framework that reads JSON and gives it back."""

from typing import Final

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Noop(APIView):
    """Takes what a payment would."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request) -> Response:
        return Response(request.data, status=201)


urlpatterns: Final = [path("v1/payments", Noop.as_view())]
