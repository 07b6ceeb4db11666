"""The addresses of the admin's pages that are no lists of rows."""

from django.contrib import admin
from django.urls import path

from payments.admin.finance import dashboard, reports, return_reasons, sales, trial_balance, voucher_liability
from payments.admin.lists import pages as list_pages
from payments.admin.setup import language

urlpatterns = [
    path("live/", dashboard.live, name="live"),
    path("sales/", admin.site.admin_view(sales.page), name="sales"),
    path("reports/", admin.site.admin_view(reports.page), name="reports"),
    path("return-reasons/", admin.site.admin_view(return_reasons.page), name="return_reasons"),
    path("vouchers-outstanding/", admin.site.admin_view(voucher_liability.page), name="vouchers_outstanding"),
    path("trial-balance/", admin.site.admin_view(trial_balance.page), name="trial_balance"),
    *(
        path(f"lists/<str:page>/{route}", admin.site.admin_view(view), name=f"list_{name}")
        for route, view, name in (
            ("totals/", list_pages.totals, "totals"),
            ("columns/", list_pages.columns, "columns"),
            ("views/", list_pages.views, "views"),
            ("views/save/", list_pages.save_view, "save_view"),
            ("views/<str:view_id>/remove/", list_pages.remove_view, "remove_view"),
            ("file/", list_pages.file, "file"),
            ("file/<str:file_id>/", list_pages.file_page, "file_page"),
            ("file/<str:file_id>/state/", list_pages.file_state, "file_state"),
            ("file/<str:file_id>/download/", list_pages.download, "download"),
        )
    ),
    path("language/", admin.site.admin_view(language.choose), name="language"),
]
