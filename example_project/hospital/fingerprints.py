"""One hash per table, to see at a glance that two states are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.db import connections


def fingerprint(table: str, using: str = "default") -> tuple[int, str]:
    """Rows and SHA-256 of the table's full contents in primary-key order.

    Computed from the database's own text of each value, so that nothing of hms_backup vouches
    for hms_backup.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
        names = [connection.ops.quote_name(column.name) for column in described]
        form = "{}::text" if connection.vendor == "postgresql" else "quote({})"
        selected = ", ".join(form.format(name) for name in names)
        cursor.execute(f"SELECT {selected} FROM {table} ORDER BY id")  # noqa: S608 - catalogue names
        digest = hashlib.sha256()
        rows = 0
        while batch := cursor.fetchmany(2000):
            rows += len(batch)
            digest.update(repr(batch).encode())
    return rows, digest.hexdigest()


def fingerprints(tables: Iterable[str], using: str = "default") -> dict[str, tuple[int, str]]:
    """`fingerprint` of several tables."""
    return {table: fingerprint(table, using) for table in tables}
