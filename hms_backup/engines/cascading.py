"""What a merge would do to rows it does not write itself, followed along the foreign keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..plan import Counts, SideEffect
from ..schema import ForeignKey, OnDelete
from .base import Merge
from .dialect import Dialect
from .merging import Execute, Sources

Incoming = Callable[[tuple[str, ...]], Sequence[ForeignKey]]
"""Looks up the references that arrive at a table, given its path."""

Path = tuple[str, ...]

Rows = Callable[[str, bool], str]
"""Returns, ready for a FROM clause and with its WHERE, the rows of one table under a given name;
with True also those of which only the spelling changes."""

Address = Callable[[Path], tuple[str, ...]]
"""Names the columns by which any row of a table can be told apart, key or none."""


def find_side_effects(
    execute: Execute,
    dialect: Dialect,
    incoming: Incoming,
    merge: Merge,
    counts: dict[str, Counts],
    address: Address,
    row_lock: str = "",
) -> Iterator[SideEffect]:
    """Yield one entry per reference through which rows are reached that the plan does not write.

    Those with NO ACTION or RESTRICT would make the database refuse; CASCADE is followed to its
    end. ``row_lock`` ends a SELECT so that no one can add a reference to its rows ``r`` meanwhile.
    """
    walk = _Walk(execute, dialect, incoming, merge, address, row_lock)
    sources = [Sources(dialect, staged) for staged in merge.staged]
    for source in sources:
        if counts[source.table.name].delete:
            yield from walk.deletions(source)
    yield from walk.left_behind()
    for source in sources:
        if counts[source.table.name].update:
            yield from walk.key_changes(source)


class _Walk:
    """One search over all restored tables: each row is counted once, for the first that it is
    reached from.
    """

    def __init__(
        self,
        execute: Execute,
        dialect: Dialect,
        incoming: Incoming,
        merge: Merge,
        address: Address,
        row_lock: str,
    ) -> None:
        self._execute = execute
        self._dialect = dialect
        self._incoming = incoming
        self._address = address
        self._row_lock = row_lock
        self._restored = {each.table.path: Sources(dialect, each) for each in merge.staged}
        self._doomed: dict[Path, str] = {}
        self._because_of: dict[Path, str] = {}

    def deletions(self, source: Sources) -> Iterator[SideEffect]:
        """The rows elsewhere that go with the rows of ``source`` that are to be deleted."""
        if self._row_lock:
            self._count(f"{source.live} r WHERE {source.in_delta('r', 'D')} {self._row_lock}")
        deleted: dict[ForeignKey, int] = {}
        self._because_of[source.table.path] = source.table.name
        waiting = [source.table.path]
        while waiting:
            path = waiting.pop(0)
            for key in self._taken_along(path):
                added = self._doom(key, self._going(path))
                deleted[key] = deleted.get(key, 0) + added
                self._because_of.setdefault(key.table_path, source.table.name)
                if added and key.table_path not in waiting:
                    waiting.append(key.table_path)
        for key, rows in deleted.items():
            if rows:
                yield _effect(key, rows, source.table.name)

    def left_behind(self) -> Iterator[SideEffect]:
        """The rows that refer to those that go, and stay; and what emptying them does then."""
        for path, because_of in self._because_of.items():
            taken = self._taken_along(path)
            for key in self._arriving(path):
                rows = self._left_behind(key, path) if key not in taken else None
                count = self._count(rows("r", True)) if rows else 0
                if rows and count:
                    yield _effect(key, count, because_of)
                    if key.on_delete not in _REFUSING:
                        yield from self._pass_on(key, rows, because_of, frozenset())

    def key_changes(self, source: Sources) -> Iterator[SideEffect]:
        """What changing a value of ``source`` that other rows refer to would do to them."""
        for key in source.table.referenced_by:
            if any(map(source.rewrites, key.target_columns)) or _acts_on_computed(key, source):
                rows = self._rewritten(source, key)
                yield from self._follow(key, rows, source.table.name, frozenset({key}))

    def _rewritten(self, source: Sources, key: ForeignKey) -> Rows:
        """Return the live rows that are to be given another value, which ``key`` refers to."""
        dialect, names = self._dialect, key.target_columns

        def rows(row: str, spelling: bool) -> str:
            if not source.knows(names):
                return f"{source.live} {row} WHERE {source.in_delta(row, 'U')}"
            compared = [name for name in names if name not in source.key]
            changed = dialect.changed(compared, "w", row) if compared else "1 = 0"
            return (
                f"{source.live} {row} JOIN {source.resulting(names)} w "
                f"ON {dialect.equal(source.key, 'w', row)} "
                f"WHERE {dialect.rewritten(names, 'w', row) if spelling else changed}"
            )

        return rows

    def _follow(
        self, key: ForeignKey, changed: Rows, because_of: str, followed: frozenset[ForeignKey]
    ) -> Iterator[SideEffect]:
        """What ``key`` does to the rows that refer to ``changed`` ones, and what that does then."""
        child = self._restored.get(key.table_path)
        if child is not None and key.deferrable and key.on_update is OnDelete.NO_ACTION:
            return  # Checked at the end, when these rows are as archived, too.
        target = f"p{len(followed)}"

        def rows(row: str, spelling: bool) -> str:
            emptied = key.on_update in (OnDelete.SET_NULL, OnDelete.SET_DEFAULT)
            staying = ""
            if child is not None and key.on_update not in _REFUSING:
                staying = f" AND NOT {child.in_delta(row, 'UD')}"
            return (
                f"{self._dialect.quote(*key.table_path)} {row} WHERE EXISTS (SELECT 1 FROM "
                f"{changed(target, spelling or emptied)} "
                f"AND {self._pairs(key, target, row)}){staying}"
            )

        # A reference that only checks does not mind another spelling.
        count = self._count(rows("r", key.on_update is not OnDelete.NO_ACTION))
        if count:
            yield _effect(key, count, because_of, event="UPDATE")
            if key.on_update not in _REFUSING:
                yield from self._pass_on(key, rows, because_of, followed)

    def _pass_on(
        self, key: ForeignKey, changed: Rows, because_of: str, followed: frozenset[ForeignKey]
    ) -> Iterator[SideEffect]:
        """What changing ``key``'s own columns in ``changed`` does to rows that refer to those."""
        for further in self._arriving(key.table_path):
            if further not in followed and set(further.target_columns) & set(key.columns):
                yield from self._follow(further, changed, because_of, followed | {further})

    def _arriving(self, path: Path) -> Sequence[ForeignKey]:
        if path in self._restored:
            return self._restored[path].table.referenced_by
        return self._incoming(path)

    def _taken_along(self, path: Path) -> list[ForeignKey]:
        return [
            key
            for key in self._arriving(path)
            if key.on_delete is OnDelete.CASCADE and key.table_path not in self._restored
        ]

    def _going(self, path: Path) -> str:
        """Return a condition on a row ``p`` of that table: it will be deleted."""
        if path in self._restored:
            return self._restored[path].in_delta("p", "D")
        return self._in_doomed(path, "p")

    def _in_doomed(self, path: Path, row: str) -> str:
        if path not in self._doomed:
            return "1 = 0"
        pairs = [(f"hms_{number}", name) for number, name in enumerate(self._address(path))]
        return (
            f"EXISTS (SELECT 1 FROM {self._doomed[path]} g "
            f"WHERE {self._dialect.paired(pairs, 'g', row)})"
        )

    def _doom(self, key: ForeignKey, going: str) -> int:
        """Remember the rows that a CASCADE takes along; return how many were not known yet."""
        path, address = key.table_path, self._address(key.table_path)
        table = self._dialect.quote(*path)
        if path not in self._doomed:
            name = self._dialect.temporary_name(f"hms_doomed_{len(self._doomed)}")
            named = ", ".join(
                f"{self._dialect.column(each, 'r')} AS hms_{number}"
                for number, each in enumerate(address)
            )
            empty = f"SELECT {named} FROM {table} r WHERE 1 = 0"
            self._execute(self._dialect.temporary.format(name=name, query=empty))
            self._doomed[path] = name
        return int(
            self._execute(
                f"INSERT INTO {self._doomed[path]} "
                f"SELECT {self._dialect.names(address, 'r')} FROM {table} r "
                f"WHERE {self._refers(key, going, 'r')} AND NOT {self._in_doomed(path, 'r')} "
                f"{self._row_lock}"
            ).rowcount
        )

    def _left_behind(self, key: ForeignKey, path: Path) -> Rows | None:
        """Return the rows that refer to a deleted one and are not deleted with it."""
        child = self._restored.get(key.table_path)
        archived = child is not None and set(key.columns) <= set(child.staged.columns)
        if archived and path in self._restored:
            return None  # What the archive's own rows refer to is checked with them.

        def rows(row: str, spelling: bool) -> str:
            del spelling
            refers = self._refers(key, self._going(path), row)
            if child is not None and archived:
                return f"{child.archived} {row} WHERE {refers}"
            staying = self._in_doomed(key.table_path, row)
            if child is not None:
                staying = child.in_delta(row, "D")
            return f"{self._dialect.quote(*key.table_path)} {row} WHERE {refers} AND NOT {staying}"

        return rows

    def _refers(self, key: ForeignKey, going: str, row: str) -> str:
        return (
            f"EXISTS (SELECT 1 FROM {self._dialect.quote(*key.target_path)} p "
            f"WHERE {going} AND {self._pairs(key, 'p', row)})"
        )

    def _pairs(self, key: ForeignKey, target: str, row: str) -> str:
        pairs = list(zip(key.target_columns, key.columns, strict=True))
        return self._dialect.paired(pairs, target, row)

    def _count(self, rows: str) -> int:
        (count,) = self._execute(f"SELECT count(*) FROM (SELECT 1 FROM {rows}) x").fetchone()
        return int(count)


_REFUSING = (OnDelete.NO_ACTION, OnDelete.RESTRICT)


def _acts_on_computed(key: ForeignKey, source: Sources) -> bool:
    """Whether ``key`` would act on a value that the database computes, so that any may change."""
    return not source.knows(key.target_columns) and key.on_update not in _REFUSING


def _effect(key: ForeignKey, rows: int, because_of: str, event: str = "DELETE") -> SideEffect:
    return SideEffect(
        table=key.table,
        column=", ".join(key.columns),
        event=event,
        on_delete=str(key.on_update if event == "UPDATE" else key.on_delete),
        rows=rows,
        because_of=because_of,
    )
