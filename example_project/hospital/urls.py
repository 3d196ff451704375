"""Addresses of the hospital's pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("<str:department_id>/", views.department, name="department"),
    path("<str:department_id>/<str:subsystem_id>/", views.subsystem, name="subsystem"),
]
