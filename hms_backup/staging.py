"""Archived rows → staging tables: columns are matched, and each row is decoded strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .archive import ArchiveReader, Member
from .comparing import compare_table
from .engines.base import RestoreSession, Staged
from .exceptions import ManifestInvalid
from .progress import Progress
from .rows import RowBatch, RowColumn, RowDecoder, first_keys
from .schema import ArchivedColumn, Kind, Table, TableDiff
from .selection import RestoreOptions


def stage(
    session: RestoreSession,
    reader: ArchiveReader,
    tables: Sequence[Table],
    selection: Mapping[str, Member],
    options: RestoreOptions,
    progress: Progress | None,
) -> tuple[Staged, ...]:
    """Stage the selected members for ``tables``, which are in the selection's order."""
    return tuple(
        _stage_table(session, reader, table, member, options, progress)
        for table, member in zip(tables, selection.values(), strict=True)
    )


def _stage_table(
    session: RestoreSession,
    reader: ArchiveReader,
    table: Table,
    member: Member,
    options: RestoreOptions,
    progress: Progress | None,
) -> Staged:
    archived = member.columns
    if archived is None:
        archived = _described_by_rows(reader, table, member)
    diff = compare_table(
        archived,
        table,
        same_vendor=_same_vendor(reader, session),
        leave_out={
            name.removeprefix(f"{table.name}.")
            for name in options.leave_out
            if name.startswith(f"{table.name}.")
        },
    )
    diff = replace(diff, native=_vendor(reader) == session.vendor)
    if diff.blocking:
        return Staged(table=table, diff=replace(diff, carried=table.primary_key), rows=0, suffix="")
    staged = None
    if session.dry_run:
        staged = session.recognise(table, diff, reader.blocks(member))
    if staged is None:
        columns = _row_columns(archived, table, diff)
        staged = _stage_rows(session, reader, member, columns, table, diff, progress)
    if member.rows is not None and staged.rows != member.rows:
        raise ManifestInvalid(
            f"{member.file} holds {staged.rows:,} rows, not the {member.rows:,} that the archive "
            "says it does.",
            hint="The file was altered or damaged. Use an unaltered backup.",
            table=table.name,
        )
    return staged


def _stage_rows(
    session: RestoreSession,
    reader: ArchiveReader,
    member: Member,
    columns: Sequence[RowColumn],
    table: Table,
    diff: TableDiff,
    progress: Progress | None,
) -> Staged:
    batches = RowDecoder(table.name, columns).decode(
        reader.blocks(member), one_row_per_line=reader.manifest.format_version is not None
    )
    if progress is not None:
        batches = _counted(batches, member, progress)
    return session.stage(table, diff, batches)


def _same_vendor(reader: ArchiveReader, session: RestoreSession) -> bool:
    return _vendor(reader) in (None, session.vendor)


def _vendor(reader: ArchiveReader) -> str | None:
    return (reader.manifest.database or {}).get("vendor")


def _described_by_rows(
    reader: ArchiveReader, table: Table, member: Member
) -> tuple[ArchivedColumn, ...] | None:
    """Describe the columns of an archive that does not, by the keys of its first row."""
    keys = first_keys(table.name, reader.blocks(member))
    if keys is None:
        return None
    live = {column.name: column for column in table.columns}
    return tuple(
        ArchivedColumn(
            name=key,
            type=live[key].type if key in live else "unknown",
            kind=live[key].kind if key in live else Kind.JSON,
            nullable=True,
        )
        for key in keys
    )


def _row_columns(
    archived: Sequence[ArchivedColumn] | None, table: Table, diff: TableDiff
) -> list[RowColumn]:
    if archived is None:
        return [RowColumn(name=column.name, kind=column.kind) for column in table.writable]
    carried = set(diff.carried)
    columns = []
    for each in archived:
        live = table.column(each.name) if each.name in carried else None
        columns.append(
            RowColumn(
                name=each.name,
                kind=live.kind if live else each.kind,
                carried=live is not None,
                unique_members=live is not None and live.merges_members,
            )
        )
    # Tuples must come in the order of ``diff.carried``, and members of an object have no order.
    place = {name: index for index, name in enumerate(diff.carried)}
    return sorted(columns, key=lambda column: place.get(column.name, len(place)))


def _counted(batches: Iterator[RowBatch], member: Member, progress: Progress) -> Iterator[RowBatch]:
    done = 0
    progress("stage", member.table, done, member.rows)
    for batch in batches:
        done += len(batch)
        progress("stage", member.table, done, member.rows)
        yield batch
