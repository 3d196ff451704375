"""System checks: what is wrong with the settings and the registrations, said before it matters.

``hms_backup.E…`` stop every command. Findings in the live database are warnings, and made only
when a command names databases (``manage.py check --database default``): ``migrate`` runs these
checks before it creates the very tables that they may miss.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import CheckMessage
from django.db import Error as DjangoDatabaseError
from django.db import connections
from django.db.models import Model
from django.utils.module_loading import module_has_submodule

from .authentication import load_authenticate
from .conf import get_settings, settings_problems
from .exceptions import ConfigurationError
from .policy import load_policy
from .protection import bare_name, protected_tables
from .registry import Subsystem, registry, resolve_model

TAG = "hms_backup"
SQLITE_MINIMUM = (3, 39, 0)
"""The first release with FULL JOIN and IS DISTINCT FROM, by which rows are compared."""


def register_checks() -> None:
    """Make Django run them; called once, when the app is ready."""
    checks.register(check_settings, TAG)
    checks.register(check_replacements, TAG)
    checks.register(check_database_alias, TAG)
    checks.register(check_registrations, TAG)
    checks.register(check_unassigned_models, TAG)
    checks.register(check_live_tables, TAG, checks.Tags.database)


def check_settings(**_: Any) -> list[CheckMessage]:
    """Report E001: unknown keys and values of the wrong kind in ``HMS_BACKUP``."""
    return [
        checks.Error(
            problem,
            hint="See docs/settings.md for every key and its default.",
            id="hms_backup.E001",
        )
        for problem in settings_problems(getattr(django_settings, "HMS_BACKUP", {}))
    ]


def check_replacements(**_: Any) -> list[CheckMessage]:
    """Report E009: a ``POLICY`` or ``AUTHENTICATE`` that cannot be imported or is not one."""
    try:
        settings = get_settings()
    except ConfigurationError:
        return []  # E001 says so
    found: list[CheckMessage] = []
    for load, path in (
        (load_policy, settings.policy),
        (load_authenticate, settings.authenticate),
    ):
        try:
            load(path)
        except ConfigurationError as error:
            found.append(checks.Error(error.message, hint=error.hint, id="hms_backup.E009"))
    return found


def check_database_alias(**_: Any) -> list[CheckMessage]:
    """Report E007, an alias or vendor that cannot be used, and E008, a SQLite too old."""
    alias = _database_alias()
    if alias is None:
        return []
    if alias not in connections.settings:
        return [
            checks.Error(
                f"HMS_BACKUP['DATABASE'] is {alias!r}, which DATABASES does not have.",
                hint=f"Known aliases are {', '.join(connections.settings)}.",
                id="hms_backup.E007",
            )
        ]
    vendor = connections[alias].vendor
    if vendor not in ("postgresql", "sqlite"):
        return [
            checks.Error(
                f"Database {alias!r} is {vendor}, which hms_backup does not support.",
                hint="Use PostgreSQL 13 to 18, or SQLite for development and small sites.",
                id="hms_backup.E007",
            )
        ]
    if vendor == "sqlite" and sqlite3.sqlite_version_info < SQLITE_MINIMUM:
        return [
            checks.Error(
                f"SQLite {sqlite3.sqlite_version} is too old to compare rows exactly.",
                hint="Use a Python built with SQLite 3.39 or newer, or PostgreSQL.",
                id="hms_backup.E008",
            )
        ]
    return []


def check_registrations(**_: Any) -> list[CheckMessage]:
    """Report E002, E005 and E006: what the subsystems hold that they must not."""
    return [*_unresolvable(), *_claimed_twice(), *_wrongly_registered()]


def _unresolvable() -> Iterator[CheckMessage]:
    for where, model in registry.references():
        try:
            resolve_model(model)
        except ConfigurationError as error:
            yield checks.Error(
                f"No installed app has the model {model!r}.",
                hint=error.hint,
                obj=where,
                id="hms_backup.E006",
            )


def _claimed_twice() -> Iterator[CheckMessage]:
    owners: dict[str, Subsystem] = {}
    for subsystem, model in _registered():
        table = model._meta.db_table
        if table in owners:
            both = f"{owners[table].id} and {subsystem.id}"
            yield checks.Error(
                f"Table {table} is registered twice, in {both}.",
                hint="A restore of one would change the other: keep it in exactly one subsystem.",
                obj=model,
                id="hms_backup.E002",
            )
        owners.setdefault(table, subsystem)


def _wrongly_registered() -> Iterator[CheckMessage]:
    try:
        protected = protected_tables()
    except ConfigurationError:
        return  # E001 or E006 says why; until then every operation is refused
    for subsystem, model in _registered():
        if bare_name(model._meta.db_table) in protected:
            yield checks.Error(
                f"{subsystem.id} registers {model._meta.db_table}, which no backup may contain.",
                hint="Take it out of the subsystem: it would be refused when a backup starts.",
                obj=model,
                id="hms_backup.E005",
            )


def check_unassigned_models(**_: Any) -> list[CheckMessage]:
    """Report W001: models of apps that take part in backups whose rows nobody would back up."""
    try:
        protected = protected_tables()
        excluded = {model._meta.db_table for model in registry.excluded_models()}
    except ConfigurationError:
        return []
    registered = {model._meta.db_table for _, model in _registered()}
    return [
        checks.Warning(
            f"Table {model._meta.db_table} is in no subsystem: no backup contains it.",
            hint="Add the model to a subsystem in backups.py, or to register(…, exclude=[…]).",
            obj=model,
            id="hms_backup.W001",
        )
        for config in _participating_apps()
        for model in _stored_models(config)
        if model._meta.db_table not in registered | excluded
        and bare_name(model._meta.db_table) not in protected
    ]


def check_live_tables(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Report W002, W003, W004 and I001: registered tables that differ from the database's."""
    alias = _database_alias()
    if alias is None or alias not in (databases or ()) or alias not in connections.settings:
        return []
    try:
        return list(_live_findings(alias))
    except DjangoDatabaseError as error:
        return [
            checks.Warning(
                f"Database {alias!r} could not be inspected ({type(error).__name__}).",
                hint="Check that the server runs and that its settings in DATABASES are right.",
                id="hms_backup.W002",
            )
        ]


def _live_findings(alias: str) -> Iterator[CheckMessage]:
    connection = connections[alias]
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor, include_views=False))
        yield from _missing_tables(alias, present)
        for _, model in _registered():
            table = model._meta.db_table
            if table not in present:
                continue
            if not connection.introspection.get_primary_key_columns(cursor, table):
                yield _unkeyed(model)
            live = connection.introspection.get_table_description(cursor, table)
            yield from _undeclared(model, [column.name for column in live])


def _missing_tables(alias: str, present: set[str]) -> Iterator[CheckMessage]:
    for subsystem in registry.subsystems():
        tables = [model._meta.db_table for owner, model in _registered() if owner is subsystem]
        missing = [table for table in tables if table not in present]
        if missing:
            yield checks.Warning(
                f"Database {alias!r} has no table {', '.join(missing)}.",
                hint="Migrate, or create them as the system they belong to does. Until then "
                f"{subsystem.id} cannot be backed up.",
                obj=subsystem.id,
                id="hms_backup.W003",
            )


def _unkeyed(model: type[Model]) -> CheckMessage:
    return checks.Warning(
        f"Table {model._meta.db_table} has no primary key, so its rows cannot be told apart.",
        hint="Add a primary key to the live table, or take it out of the subsystem.",
        obj=model,
        id="hms_backup.W004",
    )


def _undeclared(model: type[Model], live: Iterable[str]) -> Iterator[CheckMessage]:
    declared = {field.column for field in model._meta.concrete_fields}
    extra = [name for name in live if name not in declared]
    if extra:
        yield checks.Info(
            f"Table {model._meta.db_table} has columns the model lacks: {', '.join(extra)}.",
            hint="Nothing to do: they are backed up and restored like every other column.",
            obj=model,
            id="hms_backup.I001",
        )


def _database_alias() -> str | None:
    try:
        return get_settings().database
    except ConfigurationError:
        return None


def _registered() -> Iterator[tuple[Subsystem, type[Model]]]:
    """Yield every registered model that exists, with its subsystem."""
    for subsystem in registry.subsystems():
        for name in subsystem.models:
            try:
                model = resolve_model(name)
            except ConfigurationError:
                continue  # E006 says so
            yield subsystem, model


def _participating_apps() -> Iterator[AppConfig]:
    registered = {model._meta.app_label for _, model in _registered()}
    for config in apps.get_app_configs():
        if config.label in registered or module_has_submodule(config.module, "backups"):
            yield config


def _stored_models(config: AppConfig) -> Iterator[type[Model]]:
    """Yield the models that have a table of their own, many-to-many tables included."""
    for model in config.get_models(include_auto_created=True):
        if not model._meta.proxy:
            yield model
