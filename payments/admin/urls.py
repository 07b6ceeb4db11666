"""The addresses of the admin's pages that are no lists of rows."""

from django.contrib import admin
from django.urls import path

from payments.admin import dashboard, language, sales

urlpatterns = [
    path("live/", dashboard.live, name="live"),
    path("sales/", admin.site.admin_view(sales.page), name="sales"),
    path("language/", admin.site.admin_view(language.choose), name="language"),
]
