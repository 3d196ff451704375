"""What the writer leaves behind: the same bytes for the same rows, and nothing for half of them."""

from __future__ import annotations

import hashlib
import io
import json
import random
import resource
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hms_backup.archive import ArchiveReader, ArchiveWriter, Limits, zipformat
from hms_backup.archive.directory import read_directory
from hms_backup.archive.source import Source
from hms_backup.archive.writer import CHUNK
from hms_backup.exceptions import (
    ArchiveError,
    ManifestInvalid,
    SchemaUnsupported,
    StorageError,
    ValueUnsupported,
)
from tests.archive.crafting import COLUMNS, LINES, archive, manifest_of, write_archive

GIB = 1024**3


def many_lines() -> list[bytes]:
    noise = random.Random(1)
    return [
        b'{"id":%d,"name":"%s"}' % (n, noise.randbytes(32).hex().encode()) for n in range(40_000)
    ]


def opened(file: io.BytesIO | Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(file)


def test_member_is_an_array_with_one_row_per_line() -> None:
    with opened(io.BytesIO(archive())) as found:
        assert found.read("patients.json") == (
            b'[\n{"id":1,"name":"Jos\xc3\xa9"},\n{"id":2,"name":null}\n]\n'
        )
        assert json.loads(found.read("visits.json")) == [{"id": 7, "name": "x"}]


def test_member_is_an_empty_array_when_there_are_no_rows() -> None:
    with opened(io.BytesIO(archive({"wards": []}))) as found:
        assert found.read("wards.json") == b"[]\n"


def test_member_describes_what_was_written() -> None:
    writer = ArchiveWriter(io.BytesIO())
    member = writer.write_table("visits", COLUMNS, ["id"], [[b'{"id":1}'], [], [b'{"id":2}']])
    text = b'[\n{"id":1},\n{"id":2}\n]\n'
    assert (member.table, member.file, member.rows) == ("visits", "visits.json", 2)
    assert member.bytes == len(text)
    assert member.sha256 == hashlib.sha256(text).hexdigest()
    assert member.columns == COLUMNS
    assert member.primary_key == ("id",)


def test_archive_is_one_that_python_reads_with_the_manifest_last() -> None:
    with opened(io.BytesIO(archive())) as found:
        assert found.testzip() is None
        assert found.namelist() == ["patients.json", "visits.json", "wards.json", "metadata.json"]
        assert json.loads(found.read("metadata.json"))["tables"] == list(LINES)


def test_archive_bytes_are_the_same_however_rows_are_batched() -> None:
    lines = many_lines()
    assert sum(map(len, lines)) > 5 * CHUNK
    contents = []
    for size in (len(lines), 1000, 7):
        batches = [lines[start : start + size] for start in range(0, len(lines), size)]
        file = io.BytesIO()
        write_archive(file, {"patients": batches})
        contents.append(file.getvalue())
    assert contents[0] == contents[1] == contents[2]


def test_entries_carry_no_time_and_are_regular_files() -> None:
    with opened(io.BytesIO(archive())) as found:
        for entry in found.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == 0o100600
            assert entry.comment == entry.extra == b""


def test_name_beyond_ascii_is_marked_as_utf8() -> None:
    with opened(io.BytesIO(archive({"patiënten": [b"{}"]}))) as found:
        assert found.namelist()[0] == "patiënten.json"
        assert found.infolist()[0].flag_bits == zipformat.FLAG_UTF8


def test_failure_while_rows_are_read_leaves_no_archive() -> None:
    def failing() -> Iterator[list[bytes]]:
        yield many_lines()
        raise ConnectionResetError

    file = io.BytesIO()
    writer = ArchiveWriter(file)
    done = writer.write_table("patients", COLUMNS, ["id"], [LINES["patients"]])
    with pytest.raises(ConnectionResetError):
        writer.write_table("visits", COLUMNS, ["id"], failing())
    with pytest.raises(StorageError):
        writer.finish(manifest_of([done]))
    assert not zipfile.is_zipfile(file)
    with pytest.raises(ArchiveError):
        ArchiveReader.open(file, Limits())


def test_unfinished_archive_is_refused() -> None:
    file = io.BytesIO()
    ArchiveWriter(file).write_table("patients", COLUMNS, ["id"], [LINES["patients"]])
    with pytest.raises(ArchiveError):
        ArchiveReader.open(file, Limits())


def test_finished_archive_takes_nothing_more() -> None:
    writer = ArchiveWriter(io.BytesIO())
    writer.finish(manifest_of([]))
    with pytest.raises(StorageError):
        writer.write_table("patients", COLUMNS, ["id"], [])
    with pytest.raises(StorageError):
        writer.finish(manifest_of([]))


def test_manifest_that_describes_other_members_is_refused() -> None:
    writer = ArchiveWriter(io.BytesIO())
    member = writer.write_table("patients", COLUMNS, ["id"], [LINES["patients"]])
    with pytest.raises(ManifestInvalid):
        writer.finish(manifest_of([replace(member, rows=3)]))


def test_row_with_a_line_break_is_refused_with_its_position() -> None:
    writer = ArchiveWriter(io.BytesIO())
    batches = [[b"{}", b"{}"], [b"{}", b'{"a":\n1}']]
    with pytest.raises(ValueUnsupported) as caught:
        writer.write_table("patients", COLUMNS, ["id"], batches)
    assert (caught.value.table, caught.value.row) == ("patients", "#4")


@pytest.mark.parametrize(
    "table",
    [
        "a/b",
        "..",
        "../x",
        "a\\b",
        "a:b",
        " a",
        "",
        "a\nb",
        "a\x00b",
        "a\u202eb",
        "a\ud800b",
        "e\u0301",
        "metadata",
        "METADATA",
        "x" * 252,
    ],
)
def test_table_whose_name_is_no_plain_file_name_is_refused(table: str) -> None:
    with pytest.raises(SchemaUnsupported) as caught:
        ArchiveWriter(io.BytesIO()).write_table(table, COLUMNS, ["id"], [])
    assert caught.value.table == table


def test_tables_whose_files_are_one_on_some_systems_are_refused() -> None:
    writer = ArchiveWriter(io.BytesIO())
    writer.write_table("Visits", COLUMNS, ["id"], [])
    with pytest.raises(SchemaUnsupported):
        writer.write_table("visits", COLUMNS, ["id"], [])


@pytest.mark.parametrize("change", [{"name": "id\x1b[2J"}, {"type": "mood\n"}])
def test_column_with_an_invisible_name_or_type_is_refused(change: dict[str, Any]) -> None:
    columns = [replace(COLUMNS[0], **change)]
    with pytest.raises(SchemaUnsupported) as caught:
        ArchiveWriter(io.BytesIO()).write_table("visits", columns, ["id"], [])
    assert caught.value.table == "visits"


def test_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "a").open("wb") as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, hard))
        try:
            with pytest.raises(StorageError) as caught:
                write_archive(file, {"patients": [many_lines()]})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "too large" in caught.value.message


def test_members_beyond_four_gibibytes_are_described_in_zip64(tmp_path: Path) -> None:
    """A sparse file: the headers are real, the 5 GiB between them are a hole."""
    entries = [
        zipformat.Entry(
            name="a.json", crc=1, compressed=5 * GIB, expanded=5 * GIB, offset=0, method=0
        ),
        zipformat.Entry(name="b.json", crc=2, compressed=3, expanded=4 * GIB, offset=0),
        zipformat.Entry(name="c.json", crc=3, compressed=0, expanded=0, offset=0, method=0),
    ]
    path = tmp_path / "large.zip"
    with path.open("w+b") as file:
        position = 0
        for number, entry in enumerate(entries):
            entries[number] = entry = replace(entry, offset=position)
            header = zipformat.pack_local(entry, zip64=True)
            file.seek(position)
            file.write(header)
            position += len(header) + entry.compressed
        directory = b"".join(map(zipformat.pack_central, entries))
        file.seek(position)
        file.write(directory + zipformat.pack_end(len(entries), len(directory), position))
        file.flush()
        found = read_directory(Source(file), 10)
    assert [located.entry for located in found.values()] == entries
    with opened(path) as theirs:
        described = [
            (e.filename, e.file_size, e.compress_size, e.header_offset) for e in theirs.infolist()
        ]
    assert described == [(e.name, e.expanded, e.compressed, e.offset) for e in entries]


def test_end_record_counts_more_members_than_sixteen_bits_in_zip64() -> None:
    end = zipformat.pack_end(70_000, 100, 200)
    assert struct.unpack_from("<2Q", end, 24) == (70_000, 70_000)
    assert end[-22:] == struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 100, 200, 0)
