"""The registry's ids and scopes, and the tables that no registration can make a backup contain."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import hms_backup
from hms_backup import Department, Subsystem
from hms_backup.contrib.hms import models as hms
from hms_backup.exceptions import ConfigurationError, TableProtected, UnknownScope
from hms_backup.protection import is_protected, refuse_protected
from hms_backup.registry import Registry, ScopeKind, registry
from tests.support import ROOT

if TYPE_CHECKING:
    from pytest_django import Settings


def laboratory() -> Registry:
    made = Registry()
    samples = Subsystem("LAB1", "Samples", (hms.LabOrder,), aliases=("SAMPLES",))
    results = Subsystem("LAB2", "Results", ("hms.Prescription", hms.Bed))
    made.register(Department("LAB", "Laboratory", (samples, results)))
    return made


@pytest.mark.parametrize("given", ["LAB1", "lab1", "Samples"])
def test_subsystem_is_found_by_id_or_alias_in_any_case(given: str) -> None:
    scope = laboratory().scope(given)

    assert (scope.kind, scope.id, scope.name) == (ScopeKind.SUBSYSTEM, "LAB1", "Samples")
    assert scope.tables == ("lab_orders",)


def test_department_covers_the_tables_of_all_its_subsystems() -> None:
    scope = laboratory().scope("lab")

    assert scope.kind is ScopeKind.DEPARTMENT
    assert scope.tables == ("lab_orders", "prescriptions", "beds")


def test_department_wins_over_an_alias_of_the_same_name() -> None:
    assert registry.scope("financials").kind is ScopeKind.DEPARTMENT
    assert registry.subsystem("financials").id == "FIN1"


def test_scopes_list_each_department_before_its_subsystems() -> None:
    assert [scope.id for scope in laboratory().scopes()] == ["LAB", "LAB1", "LAB2"]


@pytest.mark.parametrize(
    ("given", "nearest"), [("HR11", "HR1"), ("logistic", "LOGISTICS"), ("CT4", "CT")]
)
def test_mistyped_id_suggests_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(UnknownScope) as caught:
        registry.scope(given)

    assert caught.value.hint.startswith(f"Did you mean {nearest}")


def test_id_like_none_lists_the_known_ones() -> None:
    with pytest.raises(UnknownScope) as caught:
        laboratory().scope("zzz")

    assert caught.value.hint == "Known ids: LAB, LAB1, LAB2."


@pytest.mark.parametrize(
    "department",
    [
        Department("lab", "Twin", ()),
        Department("OTHER", "Other", (Subsystem("lab2", "Twin", ()),)),
        Department("OTHER", "Other", (Subsystem("X", "Twin", (), aliases=("samples",)),)),
        Department("OTHER", "Other", (Subsystem("X", "X", ()), Subsystem("x", "X", ()))),
    ],
)
def test_id_that_is_taken_is_refused_in_any_case(department: Department) -> None:
    made = laboratory()

    with pytest.raises(ConfigurationError, match="registered twice"):
        made.register(department)

    assert [each.id for each in made.departments()] == ["LAB"]


def test_unregister_frees_the_ids() -> None:
    made = laboratory()

    made.unregister("Lab")

    assert made.departments() == ()
    with pytest.raises(UnknownScope):
        made.unregister("LAB")


def test_archive_of_the_scope_is_told_from_anothers() -> None:
    scope = laboratory().scope("LAB1")

    assert scope.covers("subsystem", "lab1")
    assert scope.covers("subsystem", "SAMPLES")
    assert not scope.covers("subsystem", "LAB2")
    assert not scope.covers("department", "LAB1")


def test_model_that_no_app_has_is_named() -> None:
    made = Registry()
    made.register(Department("LAB", "Lab", (Subsystem("LAB1", "Samples", ("hms.Nobody",)),)))

    with pytest.raises(ConfigurationError, match=r"hms\.Nobody"):
        _ = made.scope("LAB1").tables


# Protection


@pytest.mark.parametrize(
    "table",
    [
        "auth_user",
        "auth_user_user_permissions",
        "AUTH_USER",
        '"public"."auth_user"',
        'public"."auth_user',
        "django_session",
        "django_migrations",
        "system_audit_logs",
        "users",
    ],
)
def test_protected_table_is_refused_however_it_is_written(table: str) -> None:
    with pytest.raises(TableProtected) as caught:
        refuse_protected(["applicants", table])

    assert caught.value.table == table


def test_ordinary_tables_are_not_refused() -> None:
    refuse_protected([table for scope in registry.scopes() for table in scope.tables])


def test_table_named_in_the_settings_is_protected(settings: Settings) -> None:
    settings.HMS_BACKUP = {"PROTECTED_TABLES": ["Staff_Secrets"]}

    assert is_protected("staff_secrets")


def test_custom_user_model_is_protected_with_its_relations(settings: Settings) -> None:
    settings.AUTH_USER_MODEL = "hms.Applicant"

    assert is_protected("applicants")


def test_settings_that_cannot_be_read_protect_by_refusing_everything(settings: Settings) -> None:
    settings.HMS_BACKUP = {"PROTECTED_TABLES": "users"}

    with pytest.raises(ConfigurationError):
        refuse_protected(["applicants"])


# The public API


def test_public_names_are_all_there_and_nothing_else() -> None:
    assert hms_backup.__all__ == sorted(hms_backup.__all__)
    for name in hms_backup.__all__:
        assert getattr(hms_backup, name) is not None
    with pytest.raises(AttributeError):
        _ = hms_backup.restore_everything


def test_importing_the_package_needs_no_settings() -> None:
    program = (
        "import hms_backup as h; h.Department('A', 'A', [h.Subsystem('B', 'B', ['c.D'])]);"
        "print(h.__version__, h.Mode.UPSERT)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout == f"{hms_backup.__version__} upsert\n"
