"""The addresses a customer sees."""

from django.urls import path

from payments.checkout import codes, views

urlpatterns = [
    path("pay/<str:token>", views.pay, name="pay"),
    path("pay/<str:token>/qr", views.sign, name="pay_qr"),
    path("pay/<str:token>/qr.svg", codes.svg, name="pay_qr_svg"),
    path("pay/<str:token>/qr.png", codes.png, name="pay_qr_png"),
]
