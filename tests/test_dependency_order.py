"""The order in which tables are written: a pure function of their references."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_backup.ordering import dependency_order
from hms_backup.schema import (
    Column,
    DependencyOrder,
    ForeignKey,
    Kind,
    Table,
)


def column(name: str, *, nullable: bool = False) -> Column:
    return Column(name=name, type="integer", kind=Kind.INTEGER, nullable=nullable)


def reference(table: str, target: str, *columns: str, deferrable: bool = False) -> ForeignKey:
    named = columns or (f"{target}_id",)
    return ForeignKey(
        name=f"{table}_{target}",
        table=table,
        columns=named,
        target=target,
        target_columns=tuple(f"key_{number}" for number in range(len(named))),
        deferrable=deferrable,
    )


def table(
    name: str,
    *targets: str,
    nullable: Iterable[str] = (),
    deferrable: Iterable[str] = (),
) -> Table:
    """A table that refers to ``targets``, some through nullable or deferrable references."""
    return Table(
        name=name,
        primary_key=("id",),
        columns=(
            column("id"),
            *(column(f"{target}_id", nullable=target in nullable) for target in targets),
        ),
        foreign_keys=tuple(
            reference(name, target, deferrable=target in deferrable) for target in targets
        ),
    )


def test_parents_come_before_children() -> None:
    order = dependency_order([table("c", "b", "a"), table("b", "a"), table("a")])

    assert order == DependencyOrder(("a", "b", "c"))


def test_independent_tables_keep_the_order_they_were_given_in() -> None:
    assert dependency_order([table("b"), table("a"), table("c")]).tables == ("b", "a", "c")


def test_self_reference_does_not_count() -> None:
    assert dependency_order([table("a", "a")]) == DependencyOrder(("a",))


def test_reference_to_a_table_elsewhere_does_not_count() -> None:
    assert dependency_order([table("a", "users")]) == DependencyOrder(("a",))


def test_cycle_is_opened_at_its_nullable_reference() -> None:
    order = dependency_order([table("a", "b", nullable="b"), table("b", "a")])

    assert order == DependencyOrder(("a", "b"), {"a": ("b_id",)})


def test_cycle_is_opened_at_its_deferrable_reference_without_putting_off_any_column() -> None:
    order = dependency_order([table("a", "b", nullable="b"), table("b", "a", deferrable="a")])

    assert order == DependencyOrder(("b", "a"))


def test_deferrable_reference_counts_where_there_is_no_cycle() -> None:
    order = dependency_order([table("b", "a", deferrable="a"), table("a")])

    assert order == DependencyOrder(("a", "b"))


def test_only_the_references_of_the_cycle_are_put_off() -> None:
    tables = [
        table("a", "b", "z", nullable="bz"),
        table("b", "c"),
        table("c", "a"),
        table("z"),
    ]

    order = dependency_order(tables)

    assert order.deferred == {"a": ("b_id",)}
    assert order.tables.index("z") < order.tables.index("a")


def test_two_cycles_through_one_table_are_both_opened() -> None:
    tables = [table("a", "b", "c", nullable="bc"), table("b", "a"), table("c", "a")]

    order = dependency_order(tables)

    assert order == DependencyOrder(("a", "b", "c"), {"a": ("b_id", "c_id")})


def test_reference_over_several_columns_is_put_off_by_those_that_are_nullable() -> None:
    a = Table(
        name="a",
        primary_key=("site", "id"),
        columns=(column("site"), column("id"), column("b_id", nullable=True)),
        foreign_keys=(reference("a", "b", "site", "b_id"),),
    )

    order = dependency_order([a, table("b", "a")])

    assert order == DependencyOrder(("a", "b"), {"a": ("b_id",)})


def test_two_references_to_the_same_table_must_both_be_put_off() -> None:
    a = Table(
        name="a",
        primary_key=("id",),
        columns=(column("id"), column("one", nullable=True), column("two")),
        foreign_keys=(reference("a", "b", "one"), reference("a", "b", "two")),
    )

    order = dependency_order([a, table("b", "a")])

    assert order == DependencyOrder(("a", "b"), {}, (("a", "b"),))


def test_cycle_that_nothing_opens_is_reported_and_all_tables_are_still_ordered() -> None:
    order = dependency_order([table("d", "a"), table("a", "b"), table("b", "c"), table("c", "a")])

    assert order.unbroken == (("a", "b", "c"),)
    assert sorted(order.tables) == ["a", "b", "c", "d"]
    assert order.tables.index("a") < order.tables.index("d")


def test_no_table_is_no_order() -> None:
    assert dependency_order([]) == DependencyOrder(())


NAMES = "abcdef"


@st.composite
def graphs(draw: st.DrawFn) -> list[Table]:
    """Up to six tables with any references among them, nullable, deferrable or neither."""
    names = draw(st.permutations(NAMES[: draw(st.integers(1, 6))]))
    some = st.lists(st.sampled_from(names), unique=True)
    return [table(name, *draw(some), nullable=draw(some), deferrable=draw(some)) for name in names]


@given(graphs())
def test_every_table_comes_after_what_it_needs_at_once(tables: list[Table]) -> None:
    order = dependency_order(tables)

    assert sorted(order.tables) == sorted(each.name for each in tables)
    place = {name: number for number, name in enumerate(order.tables)}
    reported = {name for cycle in order.unbroken for name in cycle}
    for each in tables:
        deferred = order.deferred.get(each.name, ())
        assert all(each.column(name).nullable for name in deferred)
        for key in each.foreign_keys:
            put_off = key.deferrable or any(name in deferred for name in key.columns)
            if key.target != each.name and not put_off and each.name not in reported:
                assert place[key.target] < place[each.name]


@given(graphs())
def test_nothing_is_put_off_where_no_cycle_is(tables: list[Table]) -> None:
    placed: set[str] = set()
    forward = []
    for each in tables:
        placed.add(each.name)
        forward.append(
            table(each.name, *(k.target for k in each.foreign_keys if k.target in placed))
        )

    order = dependency_order(forward[::-1])

    assert order.deferred == {}
    assert order.unbroken == ()


@pytest.mark.parametrize("shift", range(3))
def test_same_cycle_is_opened_wherever_one_starts(shift: int) -> None:
    tables = [table("a", "b"), table("b", "c", nullable="c"), table("c", "a")]

    order = dependency_order(tables[shift:] + tables[:shift])

    assert order == DependencyOrder(("b", "a", "c"), {"b": ("c_id",)})
