"""The example's database: where ``DATABASE_URL`` points, or a PostgreSQL of its own.

``python -m example_project.database start|stop|remove|url`` controls the latter; it keeps running
between commands, so only the first one waits for it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import dj_database_url

from example_project.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

DATA = Path(__file__).resolve().parent / ".data"


def embedded() -> EmbeddedPostgres:
    """The example's own server; its folder carries the major version, which it cannot change."""
    version = int(os.environ.get("PGSERVER_POSTGRES_VERSION", "18"))
    return EmbeddedPostgres(folder=DATA / f"postgresql-{version}", version=version)


def database() -> dict[str, Any]:
    """The configuration for ``DATABASES``; starts the embedded server when it is the one meant."""
    if url := os.environ.get("DATABASE_URL"):
        return dict(dj_database_url.parse(url))
    server = embedded()
    server.start()
    return dict(dj_database_url.parse(server.url()))


def main(verb: str) -> None:
    """Do ``verb`` to the embedded server."""
    server = embedded()
    if verb == "url":
        print(server.url())
    elif verb in ("start", "stop", "remove"):
        getattr(server, verb)()
    else:
        sys.exit("Usage: python -m example_project.database start|stop|remove|url")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "")
    except EmbeddedPostgresError as error:
        sys.exit(str(error))
