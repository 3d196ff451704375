"""Which tables no backup may contain or restore: the one rule behind checks, export and restore.

It holds at run time for everybody, a superuser included, however the registry is configured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.apps import apps
from django.conf import settings as django_settings
from django.db.models import Model

from .conf import get_settings
from .exceptions import TableProtected
from .registry import registry, resolve_model

PROTECTED_APPS = ("auth", "contenttypes", "sessions", "admin", "hms_backup")
"""Labels of the apps whose every table is protected, many-to-many tables included."""

ALWAYS_PROTECTED = frozenset(
    {
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "auth_user",
        "auth_user_groups",
        "auth_user_user_permissions",
        "django_admin_log",
        "django_content_type",
        "django_migrations",
        "django_session",
        "system_audit_logs",
    }
)
"""Protected even where the app is not installed here: another project may share the database."""


def bare_name(table: str) -> str:
    """Return the table's name without schema, quotes or case.

    ``"public"."auth_user"`` and, on SQLite, ``AUTH_USER`` address the same table as ``auth_user``;
    comparing bare names errs on the side of refusing.
    """
    return table.rpartition(".")[2].strip('"').casefold()


def protected_tables() -> frozenset[str]:
    """Return the bare names of all protected tables.

    They are Django's auth, content types, sessions, admin log and migrations, the project's user
    model, this app's own tables, the models that registrations protect, and
    ``HMS_BACKUP["PROTECTED_TABLES"]``. Raises `ConfigurationError` when that setting or a
    protected model cannot be read: what is to be protected is then unknown, and nothing may run.
    """
    names = {model._meta.db_table for model in _protected_models()}
    return ALWAYS_PROTECTED | {
        bare_name(name) for name in (*names, *get_settings().protected_tables)
    }


def is_protected(table: str) -> bool:
    """Whether no backup may contain ``table``. Raises as `protected_tables` does."""
    return bare_name(table) in protected_tables()


def refuse_protected(tables: Iterable[str]) -> None:
    """Raise `TableProtected` naming the first of ``tables`` that no backup may contain."""
    protected = protected_tables()
    for table in tables:
        if bare_name(table) in protected:
            raise TableProtected(
                f"Table {table} is protected: no backup may contain or restore it.",
                hint="Take its model out of the subsystem in backups.py.",
                table=table,
            )


def _protected_models() -> Iterator[type[Model]]:
    for label in PROTECTED_APPS:
        if label in apps.app_configs:
            yield from apps.get_app_config(label).get_models(include_auto_created=True)
    yield from _with_relations(resolve_model(django_settings.AUTH_USER_MODEL))
    for model in registry.protected_models():
        yield from _with_relations(model)


def _with_relations(model: type[Model]) -> Iterator[type[Model]]:
    yield model
    for field in model._meta.local_many_to_many:
        through = field.remote_field.through
        if through is not None and through._meta.auto_created:
            yield through
