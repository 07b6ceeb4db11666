"""The addresses of people's own pages in the admin; signing in and out take the place of Django's."""

from django.contrib import admin
from django.urls import path

from payments.people import link_views, sign_in_views, views

_own = admin.site.admin_view

urlpatterns = [
    path("login/", sign_in_views.sign_in, name="sign_in"),
    path("login/code/", sign_in_views.sign_in_code, name="sign_in_code"),
    path("login/forgot/", link_views.forgot_password, name="forgot_password"),
    path("logout/", sign_in_views.sign_out, name="sign_out"),
    path("join/<str:token>/", link_views.one_time_link, name="one_time_link"),
    path("kept-form/", _own(sign_in_views.kept_form), name="kept_form"),
    path("second-factor/", _own(views.second_factor), name="second_factor"),
    path("second-factor/new/", _own(views.replace_factor), name="replace_factor"),
    path("second-factor/codes/", _own(views.renew_codes), name="renew_codes"),
    path("passkeys/new/", _own(views.add_passkey), name="add_passkey"),
    path("passkeys/remove/", _own(views.remove_passkey), name="remove_passkey"),
    path("account/", _own(views.account), name="account"),
    path("account/end/", _own(views.end_sign_ins), name="end_sign_ins"),
    path("password_change/", _own(views.change_password), name="change_password"),
]
