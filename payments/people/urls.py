"""The addresses of people's own pages in the admin."""

from django.contrib import admin
from django.urls import path

from payments.people import views

urlpatterns = [
    path("second-factor/", admin.site.admin_view(views.second_factor), name="second_factor"),
]
