"""A project that mounts the pages itself too, and uses the template tag."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template import Context, RequestContext, Template
from django.urls import include, path


def hub(request: HttpRequest, scope_id: str) -> HttpResponse:
    """A page of the project's own, with the tag in it."""
    page = Template("{% load hms_backup %}<h1>Hub</h1>{% hms_backup_data_management scope_id %}")
    return HttpResponse(page.render(RequestContext(request, {"scope_id": scope_id})))


def hub_without_request(request: HttpRequest) -> HttpResponse:
    """The tag where it cannot work."""
    page = Template("{% load hms_backup %}{% hms_backup_data_management 'HR1' %}")
    return HttpResponse(page.render(Context({})))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("hms_backup.urls")),
    path("backups/", include("hms_backup.pages.urls")),
    path("hub/<str:scope_id>/", hub),
    path("hub-without-request/", hub_without_request),
]
