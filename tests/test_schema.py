"""Comparing an archive's columns with the live table's, and ordering tables by their references."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hms_backup.comparing import compare_table
from hms_backup.ordering import dependency_order
from hms_backup.schema import (
    ArchivedColumn,
    Column,
    Compatibility,
    ForeignKey,
    Kind,
    Table,
    TableDiff,
)

SAME, SAFE, BLOCKING = Compatibility.SAME, Compatibility.SAFE, Compatibility.BLOCKING

KEY = Column(name="id", type="integer", kind=Kind.INTEGER, nullable=False)
ARCHIVED_KEY = ArchivedColumn(name="id", type="integer", kind=Kind.INTEGER, nullable=False)


def live(*columns: Column, key: tuple[str, ...] = ("id",)) -> Table:
    return Table(name="t", columns=(KEY, *columns), primary_key=key)


def column(type_: str, kind: Kind, name: str = "c", *, generated: bool = False) -> Column:
    return Column(name=name, type=type_, kind=kind, nullable=True, generated=generated)


def archived(type_: str, kind: Kind, name: str = "c", *, generated: bool = False) -> ArchivedColumn:
    return ArchivedColumn(name=name, type=type_, kind=kind, nullable=True, generated=generated)


def compare(
    before: Sequence[ArchivedColumn],
    now: Table,
    *,
    same_vendor: bool = True,
    leave_out: Sequence[str] = (),
) -> TableDiff:
    return compare_table((ARCHIVED_KEY, *before), now, same_vendor=same_vendor, leave_out=leave_out)


def said(diff: TableDiff, name: str = "c") -> Compatibility:
    found = [each.compatibility for each in diff.columns if each.column == name]
    assert len(found) <= 1
    return found[0] if found else SAME


TYPES = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.NUMERIC: "numeric(5,2)",
    Kind.FLOAT: "double precision",
    Kind.JSON: "jsonb",
    Kind.TEXT: "text",
    Kind.DATE: "date",
    Kind.TIME: "time without time zone",
    Kind.TIMESTAMP: "timestamp without time zone",
    Kind.TIMESTAMPTZ: "timestamp with time zone",
    Kind.UUID: "uuid",
    Kind.BYTES: "bytea",
    Kind.OTHER: "inet",
}
SAFE_CHANGES = {(Kind.INTEGER, Kind.NUMERIC)} | {
    (kind, Kind.TEXT)
    for kind in (
        Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.UUID, Kind.BYTES, Kind.OTHER,
    )
}  # fmt: skip


@pytest.mark.parametrize("now", TYPES, ids=TYPES.__getitem__)
@pytest.mark.parametrize("before", TYPES, ids=TYPES.__getitem__)
def test_type_change_is_safe_or_blocking(before: Kind, now: Kind) -> None:
    diff = compare([archived(TYPES[before], before)], live(column(TYPES[now], now)))

    changed = SAFE if (before, now) in SAFE_CHANGES else BLOCKING
    assert said(diff) is (SAME if before is now else changed)
    assert diff.carried == ("id", "c")


@pytest.mark.parametrize(
    ("before", "now", "kind", "expected"),
    [
        ("character varying(50)", "character varying(100)", Kind.TEXT, SAFE),
        ("character varying(100)", "character varying(50)", Kind.TEXT, SAFE),
        ("text", "character varying(50)", Kind.TEXT, SAFE),
        ("numeric(12,2)", "numeric(6,1)", Kind.NUMERIC, SAFE),
        ("bigint", "smallint", Kind.INTEGER, SAFE),
        ("double precision", "real", Kind.FLOAT, SAFE),
        ("json", "jsonb", Kind.JSON, SAFE),
        ("timestamp without time zone", "timestamp(0) without time zone", Kind.TIMESTAMP, SAFE),
        ("inet", "cidr", Kind.OTHER, BLOCKING),
        ("mood", "temper", Kind.OTHER, BLOCKING),
        ("integer[]", "text[]", Kind.OTHER, BLOCKING),
    ],
)
def test_type_change_within_a_kind_is_checked_value_by_value(
    before: str, now: str, kind: Kind, expected: Compatibility
) -> None:
    diff = compare([archived(before, kind)], live(column(now, kind)))

    assert said(diff) is expected
    assert before in diff.columns[0].reason
    assert now in diff.columns[0].reason


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Kind.TEXT, Kind.OTHER, SAFE),
        (Kind.TEXT, Kind.UUID, SAFE),
        (Kind.TIMESTAMP, Kind.TIMESTAMPTZ, SAFE),
        (Kind.NUMERIC, Kind.FLOAT, SAFE),
        (Kind.OTHER, Kind.OTHER, SAFE),
        (Kind.INTEGER, Kind.BOOLEAN, BLOCKING),
        (Kind.TEXT, Kind.INTEGER, BLOCKING),
        (Kind.JSON, Kind.TEXT, BLOCKING),
    ],
)
def test_another_vendors_kinds_are_compared_by_their_form(
    before: Kind, now: Kind, expected: Compatibility
) -> None:
    diff = compare([archived("other", before)], live(column("x", now)), same_vendor=False)

    assert said(diff) is expected


def test_column_added_since_is_safe_and_not_carried() -> None:
    diff = compare([], live(column("text", Kind.TEXT)))

    assert (diff.carried, diff.added, said(diff)) == (("id",), ("c",), SAFE)
    assert not diff.blocking


def test_column_dropped_since_blocks_unless_left_out() -> None:
    before = [archived("text", Kind.TEXT)]

    refused, accepted = compare(before, live()), compare(before, live(), leave_out=["c"])

    assert [each.column for each in refused.blocking] == ["c"]
    assert (said(accepted), accepted.dropped, accepted.left_out) == (SAFE, ("c",), ("c",))
    assert accepted.carried == ("id",)


def test_column_that_is_still_there_cannot_be_left_out() -> None:
    diff = compare([archived("text", Kind.TEXT)], live(column("text", Kind.TEXT)), leave_out=["c"])

    assert said(diff) is BLOCKING


def test_generated_column_is_compared_and_never_written() -> None:
    before = [archived("integer", Kind.INTEGER, generated=True)]

    same = compare(before, live(column("integer", Kind.INTEGER, generated=True)))
    gone = compare(before, live())
    plain = compare(before, live(column("integer", Kind.INTEGER)))

    assert (same.carried, same.columns) == (("id",), ())
    assert (gone.left_out, said(gone)) == (("c",), SAFE)
    assert (plain.carried, said(plain)) == (("id", "c"), SAME)


def test_column_generated_since_blocks_unless_left_out() -> None:
    before = [archived("integer", Kind.INTEGER)]
    now = live(column("integer", Kind.INTEGER, generated=True))

    assert said(compare(before, now)) is BLOCKING
    assert said(compare(before, now, leave_out=["c"])) is SAFE
    assert compare([], now).columns == ()


def test_primary_key_that_the_archive_lacks_blocks() -> None:
    now = live(column("integer", Kind.INTEGER), key=("id", "c"))

    assert [each.column for each in compare([], now).blocking] == ["c"]


def test_primary_key_that_the_database_computes_blocks() -> None:
    now = live(column("integer", Kind.INTEGER, generated=True), key=("c",))

    diff = compare([archived("integer", Kind.INTEGER, generated=True)], now)

    assert [each.column for each in diff.blocking] == ["c"]


def test_archive_that_describes_nothing_carries_what_can_be_written() -> None:
    now = live(column("text", Kind.TEXT), column("text", Kind.TEXT, "g", generated=True))

    assert compare_table(None, now, same_vendor=True).carried == ("id", "c")


def test_columns_in_another_order_are_carried_in_the_live_order() -> None:
    before = [archived("text", Kind.TEXT, "b"), archived("text", Kind.TEXT, "a")]
    now = live(column("text", Kind.TEXT, "a"), column("text", Kind.TEXT, "b"))

    assert compare(before, now).carried == ("id", "a", "b")
    assert compare(before, now).columns == ()


# Order by references


def table(name: str, *targets: str, nullable: bool = False, deferrable: bool = False) -> Table:
    return Table(
        name=name,
        columns=(
            KEY,
            *(
                Column(name=each, type="integer", kind=Kind.INTEGER, nullable=nullable)
                for each in targets
            ),
        ),
        primary_key=("id",),
        foreign_keys=tuple(
            ForeignKey(
                name=f"{name}_{each}",
                table=name,
                columns=(each,),
                target=each,
                target_columns=("id",),
                deferrable=deferrable,
            )
            for each in targets
        ),
    )


def test_parents_come_before_children() -> None:
    order = dependency_order([table("c", "b", "a"), table("b", "a"), table("a"), table("z", "c")])

    assert order.tables == ("a", "b", "c", "z")
    assert not order.deferred
    assert not order.unbroken


def test_references_to_itself_and_elsewhere_do_not_matter() -> None:
    assert dependency_order([table("b", "b", "users"), table("a")]).tables == ("b", "a")


def test_cycle_is_opened_at_a_nullable_reference() -> None:
    order = dependency_order([table("a", "b"), table("b", "a", nullable=True)])

    assert order.tables == ("b", "a")
    assert order.deferred == {"b": ("a",)}


def test_cycle_is_opened_at_a_deferrable_reference_first() -> None:
    order = dependency_order([table("a", "b", nullable=True), table("b", "a", deferrable=True)])

    assert order.tables == ("b", "a")
    assert not order.deferred


def test_cycle_that_cannot_be_opened_is_named() -> None:
    order = dependency_order([table("a", "b"), table("b", "a"), table("c", "a")])

    assert sorted(order.tables) == ["a", "b", "c"]
    assert [set(each) for each in order.unbroken] == [{"a", "b"}]
