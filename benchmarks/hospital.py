"""A server with the hospital's tables and many medical records."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from example_project.embedded_postgres import EmbeddedPostgres
from example_project.hospital.ddl import create_statements

from . import measure

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "benchmarks" / ".data"

# Text that compresses about as medical notes do, and no value twice.
RECORDS = """
INSERT INTO medical_records
       (patient_id, doctor_id, visit_date, diagnosis, treatment, vitals, notes, created_at)
SELECT i % 5000 + 1, i % 20 + 1, timestamp '2020-01-01' + i * interval '131.000417 s',
       'Diagnosis ' || i || ': ' || md5(i::text),
       CASE WHEN i % 3 > 0 THEN 'Treatment "' || md5((i * 7)::text) || '", twice a day' END,
       jsonb_build_object('bp', (100 + i % 60) || '/' || (60 + i % 40), 'hr', 50 + i % 70,
                          'temp', 36 + (i % 30) / 10.0, 'spo2', 90 + i % 10),
       repeat('Seen on rounds, note ' || i || '. ', 9), timestamp '2026-01-01' + i * interval '1 s'
  FROM generate_series(1, {rows}) AS i
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """One database of the benchmark's server."""

    server: EmbeddedPostgres
    name: str

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url(self.name)

    @property
    def environment(self) -> Mapping[str, str]:
        """For processes that work on it."""
        return {
            **os.environ,
            "DATABASE_URL": self.url,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "PYTHONPATH": str(ROOT),
        }

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def manage(self, *arguments: str) -> measure.Run:
        """Run a management command in a process of its own."""
        return measure.run([sys.executable, "-m", "django", *arguments], self.environment)

    def program(self, name: str, *arguments: str) -> measure.Run:
        """Run one of PostgreSQL's own programs."""
        program = str(self.server.binaries / name)
        return measure.run([program, *arguments, "--dbname", self.url], self.environment)


def start_server() -> EmbeddedPostgres:
    """Start an empty server, with PostgreSQL's own default settings."""
    server = EmbeddedPostgres(folder=DATA / "pg")
    server.remove()
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)
    server.start()
    return server


def create(server: EmbeddedPostgres, name: str, rows: int) -> Hospital:
    """Make a database with all tables and ``rows`` medical records."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    hospital = Hospital(server=server, name=name)
    for statement in create_statements("postgresql"):
        hospital.execute(statement)
    hospital.execute(
        "INSERT INTO users (username, email, password_hash, subsystem, department) "
        "SELECT 'user' || i, 'user' || i, 'x', 'CT3', 'CORE_TRANSACTION' "
        "FROM generate_series(1, 20) AS i"
    )
    hospital.execute(
        "INSERT INTO patients (first_name, last_name) "
        "SELECT 'Patient', i::text FROM generate_series(1, 5000) AS i"
    )
    hospital.execute(RECORDS.format(rows=rows))
    hospital.execute("VACUUM ANALYZE")
    hospital.manage("migrate", "--verbosity", "0")
    return hospital
