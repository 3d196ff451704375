"""After migrate there is one Django permission for each right on each registered scope.

Only permissions made here are changed or removed: those of `DataManagement`'s content type whose
codename is of the form that `hms_backup.policy.codename` makes.
"""

from __future__ import annotations

import re
from typing import Any

from django.apps import apps as installed
from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, router, transaction

from .policy import APP_LABEL, Right, codename
from .registry import Scope, ScopeKind, registry

OURS = re.compile(rf"(?:{'|'.join(Right)})_(?:{'|'.join(ScopeKind)})_.+")
MODEL = "datamanagement"
"""Name of `models.DataManagement`, whose content type the permissions are of."""
NAME_LENGTH = 255


def make_permissions(*, using: str = DEFAULT_DB_ALIAS, apps: Apps = installed, **_: object) -> None:
    """Make, rename and remove permissions so that they are those of the registry.

    A receiver of ``post_migrate``: ``apps`` is as the migrations left them, and where they have
    no permissions yet, or ``using`` is not the database for them, nothing is done.
    """
    try:
        content_types: Any = apps.get_model("contenttypes", "ContentType")
        permissions: Any = apps.get_model("auth", "Permission")
        apps.get_model(APP_LABEL, MODEL)
    except LookupError:
        return
    if not router.allow_migrate_model(using, permissions):
        return
    wanted = wanted_permissions()
    with transaction.atomic(using=using):
        content_type, _made = content_types.objects.using(using).get_or_create(
            app_label=APP_LABEL, model=MODEL
        )
        existing = permissions.objects.using(using).filter(content_type=content_type)
        present = {each.codename: each for each in existing}
        permissions.objects.using(using).bulk_create(
            permissions(content_type=content_type, codename=code, name=name)
            for code, name in wanted.items()
            if code not in present
        )
        for code, permission in present.items():
            if code in wanted and permission.name != wanted[code]:
                permission.name = wanted[code]
                permission.save(using=using, update_fields=["name"])
            elif code not in wanted and OURS.fullmatch(code):
                permission.delete(using=using)


def wanted_permissions() -> dict[str, str]:
    """Return the name of each permission by its codename."""
    return {
        codename(right, scope): _name(right, scope)
        for scope in registry.scopes()
        for right in Right
    }


def _name(right: Right, scope: Scope) -> str:
    whole = "all of " if scope.kind is ScopeKind.DEPARTMENT else ""
    name = f"Can {right.verb} {whole}{scope.title}"
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"
