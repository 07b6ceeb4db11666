"""The addresses of the admin's pages that are no lists of rows."""

from django.contrib import admin
from django.urls import path

from payments.admin.finance import dashboard, return_reasons, sales, voucher_liability
from payments.admin.setup import language

urlpatterns = [
    path("live/", dashboard.live, name="live"),
    path("sales/", admin.site.admin_view(sales.page), name="sales"),
    path("return-reasons/", admin.site.admin_view(return_reasons.page), name="return_reasons"),
    path("vouchers-outstanding/", admin.site.admin_view(voucher_liability.page), name="vouchers_outstanding"),
    path("language/", admin.site.admin_view(language.choose), name="language"),
]
