"""The example's records: complete, linked, the same for the same seed, and hard to back up."""

from __future__ import annotations

from types import ModuleType

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from example_project.hospital.ddl import MARKER, table_facts
from example_project.hospital.fingerprints import fingerprints
from example_project.hospital.management.commands import damage, setup_hospital
from example_project.hospital.seeding import SIZES, is_empty, seed_hospital
from hms_backup.contrib.hms.models import PurchaseOrder
from tests.support import query, rows, run_sql

pytestmark = pytest.mark.django_db(transaction=True)


def test_seeding_fills_every_table_as_counted(hospital: dict[str, int]) -> None:
    counted = {table: len(rows(table)) for table in table_facts()}

    assert counted == hospital
    assert min(counted.values()) >= 3


def test_seeding_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    seed_hospital(seed=7, scale=0.05)
    first = fingerprints(table_facts())
    seed_hospital(seed=7, scale=0.05)
    again = fingerprints(table_facts())
    seed_hospital(seed=8, scale=0.05)
    other = fingerprints(table_facts())

    assert again == first
    assert all(other[table] != first[table] for table in ("patients", "applicants", "po_items"))


def test_seeding_names_the_users_of_the_live_archives(hospital: dict[str, int]) -> None:
    assert query("SELECT id, username FROM users WHERE id <= 3 ORDER BY id") == [
        (1, "hr1.admin"),
        (2, "log2.admin"),
        (3, "dr.reyes"),
    ]


def test_seeding_holds_null_and_empty_text_and_microseconds(hospital: dict[str, int]) -> None:
    emails = {email for (email,) in query("SELECT email FROM applicants")}

    assert {None, ""} <= emails
    assert query("SELECT id FROM patients WHERE CAST(created_at AS text) LIKE '%.999999'")


def test_seeding_totals_orders_to_the_centavo(hospital: dict[str, int]) -> None:
    for order in PurchaseOrder.objects.prefetch_related("po_items"):
        assert order.total_amount == sum(item.total_price for item in order.po_items.all())


def test_seeding_refers_to_rows_that_exist(hospital: dict[str, int]) -> None:
    for table, facts in table_facts().items():
        for key in facts["foreign_keys"]:
            target, target_column = key["references"].split(".")
            assert not query(
                f"SELECT 1 FROM {table} t WHERE {key['column']} IS NOT NULL AND NOT EXISTS"
                f" (SELECT 1 FROM {target} r WHERE r.{target_column} = t.{key['column']})"
            )


def test_failed_seeding_leaves_the_hospital_as_it_was(
    hospital: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprints(table_facts())
    monkeypatch.setitem(SIZES, "staff_schedules", 1000)  # more than staff times weekdays

    with pytest.raises(ValueError, match="larger than population"):
        seed_hospital(seed=2, scale=1)

    assert fingerprints(table_facts()) == before


def test_setup_command_keeps_a_hospital_that_has_records(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command(setup_hospital.Command(), scale=0.05)
    run_sql("DELETE FROM collections")
    call_command(setup_hospital.Command(), scale=0.05)

    assert not is_empty()
    assert rows("collections") == []
    assert "has records already" in capsys.readouterr().out


def test_damage_command_changes_only_the_subsystems_it_names() -> None:
    seed_hospital()
    before = fingerprints(table_facts())
    call_command(damage.Command())
    after = fingerprints(table_facts())

    changed = {table for table in before if before[table] != after[table]}
    assert changed == {
        "applicants",
        "vacancies",
        "interviews",
        "onboarding",
        "po_items",
        "purchase_orders",
        "fleet_vehicles",
        "inventory",
        "fleet_dispatch",
    }


@pytest.mark.parametrize("command", [damage, setup_hospital])
def test_commands_refuse_a_hospital_that_is_not_the_example(
    hospital: dict[str, int], command: ModuleType
) -> None:
    before = fingerprints(table_facts())
    options = {"reset": True} if command is setup_hospital else {}
    run_sql(f"DROP TABLE {MARKER}")

    try:
        with pytest.raises(CommandError, match="nothing was changed"):
            call_command(command.Command(), **options)
    finally:
        run_sql(f"CREATE TABLE {MARKER} (id integer PRIMARY KEY)")

    assert fingerprints(table_facts()) == before
