"""Data Management in the admin: an entry in its index, and the pages mounted behind it.

Mounted through `ModelAdmin.get_urls`, not `AdminSite.get_urls`: third-party admin themes style
what belongs to a model and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator

from ..models import DataManagement
from ..pages import overviews, rights
from ..pages.door import Door
from ..pages.urls import page_patterns
from ..web import outside_transactions

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[DataManagement]
else:
    ModelAdmin = admin.ModelAdmin


class DataManagementAdmin(ModelAdmin):
    """Shown to exactly those who have a right on some department or subsystem.

    There are no rows behind it: the usual list is the overview, and nothing can be added,
    changed or deleted.
    """

    @property
    def door(self) -> Door:
        """Where the pages are mounted in this admin site."""
        return Door(
            prefix="admin:hms_backup_datamanagement_",
            base_template="admin/base_site.html",
            surroundings=self._surroundings,
            current_app=self.admin_site.name,
        )

    def _surroundings(self, request: HttpRequest) -> Mapping[str, Any]:
        site = self.admin_site.name
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "home_url": reverse("admin:index", current_app=site),
            "app_url": reverse("admin:app_list", args=[self.opts.app_label], current_app=site),
            "app_name": apps.get_app_config(self.opts.app_label).verbose_name,
        }

    def get_urls(self) -> list[URLPattern]:
        """The pages in place of the usual ones."""
        wrap = self.admin_site.admin_view
        overview = wrap(self.changelist_view)
        return [
            path("", overview, name="hms_backup_datamanagement_changelist"),
            *page_patterns(self.door, wrap, prefix="hms_backup_datamanagement_"),
        ]

    @method_decorator(outside_transactions)
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The overview: what the admin's index links to."""
        return cast(HttpResponse, overviews.index(request, self.door))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user has any right on any department or subsystem."""
        return bool(rights.scopes_for_menus(request))

    def has_view_permission(self, request: HttpRequest, obj: DataManagement | None = None) -> bool:
        """As `has_module_permission`: each page asks for the right that it needs by itself."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing can be added."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: DataManagement | None = None
    ) -> bool:
        """Nothing can be changed."""
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: DataManagement | None = None
    ) -> bool:
        """Nothing can be deleted."""
        return False
