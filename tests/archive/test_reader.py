"""Reading honest archives, and saying clearly what is wrong with the others."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from pathlib import Path

import pytest

from hms_backup.archive import ArchiveReader, Limits
from hms_backup.archive.reader import BLOCK
from hms_backup.archive.zipformat import DEFLATED, STORED
from hms_backup.exceptions import ArchiveError, ArchiveTooLarge, StorageError
from tests.archive.crafting import (
    ANY_SIZE,
    LINES,
    LIVE,
    LIVE_ROWS,
    Lie,
    Unseekable,
    archive,
    craft,
    deflated,
    live_archive,
    metadata,
    read,
    write_archive,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "CT1.hms-backup"
    path.write_bytes(archive())
    return path


def test_archive_is_read_as_it_was_written() -> None:
    file = io.BytesIO()
    written = write_archive(file, {name: [lines] for name, lines in LINES.items()})
    manifest, contents = read(file.getvalue())
    assert manifest == written
    assert manifest.has_checksums
    assert {name: json.loads(content) for name, content in contents.items()} == {
        f"{table}.json": [json.loads(line) for line in lines] for table, lines in LINES.items()
    }


def test_path_and_file_object_are_read_alike(path: Path) -> None:
    with ArchiveReader.open(path, ANY_SIZE) as reader:
        from_path = b"".join(reader.blocks(reader.manifest.members[0]))
        assert reader.size == path.stat().st_size
        assert reader.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read(path.read_bytes())[1]["patients.json"] == from_path


def test_file_that_open_opened_is_closed_and_one_it_was_given_is_not(path: Path) -> None:
    with path.open("rb") as file:
        with ArchiveReader.open(file, ANY_SIZE):
            pass
        assert not file.closed
    with ArchiveReader.open(path, ANY_SIZE) as reader:
        pass
    with pytest.raises(StorageError):
        reader.verify()


def test_members_can_be_read_in_any_order_and_interleaved(path: Path) -> None:
    with ArchiveReader.open(path, ANY_SIZE) as reader:
        patients, visits, _ = reader.manifest.members
        first = reader.blocks(patients)
        assert next(first).startswith(b"[\n")
        assert list(reader.blocks(visits)) == [b'[\n{"id":7,"name":"x"}\n]\n']
        assert list(first) == []


def test_large_member_comes_in_bounded_blocks() -> None:
    lines = [b'{"id":%d}' % number for number in range(200_000)]
    with ArchiveReader.open(io.BytesIO(archive({"t": lines})), ANY_SIZE) as reader:
        blocks = list(reader.blocks(reader.manifest.members[0]))
    assert len(blocks) > 5
    assert max(map(len, blocks)) <= BLOCK
    assert b"".join(blocks) == b"[\n" + b",\n".join(lines) + b"\n]\n"


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
@pytest.mark.parametrize("method", [STORED, DEFLATED])
def test_member_of_any_size_around_a_block_is_read_whole(size: int, method: int) -> None:
    content = bytes(size)
    raw = content if method == STORED else deflated(content)
    fields = {"method": method}
    member = Lie(name="vacancies.json", content=content, raw=raw, local=fields, central=fields)
    assert read(craft([metadata(), member]))[1] == {"vacancies.json": content}


def test_compressed_data_that_long_expands_to_nothing_is_read() -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff" * 40_000
    member = Lie(name="vacancies.json", content=LIVE_ROWS, raw=empty_blocks + deflated(LIVE_ROWS))
    assert read(craft([metadata(), member]))[1] == {"vacancies.json": LIVE_ROWS}


def test_verify_reads_every_byte_and_tells_how_far_it_is(path: Path) -> None:
    told: list[tuple[str, str, int, int | None]] = []

    def progress(step: str, table: str, done: int, total: int | None) -> None:
        told.append((step, table, done, total))

    with ArchiveReader.open(path, ANY_SIZE) as reader:
        reader.verify(progress)
        total = sum(member.bytes or 0 for member in reader.manifest.members)
        assert reader.expanded == total
    assert [(step, table) for step, table, _, _ in told] == [("verify", name) for name in LINES]
    assert told[-1][2:] == (total, total)


@pytest.mark.parametrize("name", ["live-HR1", "live-LOGISTICS"])
def test_real_archive_of_the_live_system_is_read(name: str) -> None:
    path = LIVE / f"{name}.hms-backup"
    manifest, contents = read(path.read_bytes())
    with zipfile.ZipFile(path) as theirs:
        listed = json.loads(theirs.read("metadata.json"))["tables"]
        assert contents == {f"{table}.json": theirs.read(f"{table}.json") for table in listed}
    assert [member.table for member in manifest.members] == listed
    assert not manifest.has_checksums


@pytest.mark.parametrize("unseekable", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archive_written_by_python_is_read(unseekable: bool, method: int) -> None:
    content = live_archive(unseekable=unseekable, method=method)
    with zipfile.ZipFile(io.BytesIO(content)) as theirs:
        has_descriptors = bool(theirs.infolist()[0].flag_bits & 8)
    assert has_descriptors is unseekable
    assert read(content)[1] == {"vacancies.json": LIVE_ROWS}


@pytest.mark.parametrize("unseekable", [False, True])
def test_archive_written_by_python_with_zip64_headers_is_read(unseekable: bool) -> None:
    plain = zipfile.ZipFile(io.BytesIO(live_archive()))
    file = Unseekable() if unseekable else io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name in plain.namelist():
            with target.open(name, "w", force_zip64=True) as member:
                member.write(plain.read(name))
    assert read(file.getvalue())[1] == {"vacancies.json": LIVE_ROWS}


def test_file_over_the_limit_is_refused_with_the_setting_to_raise(path: Path) -> None:
    size = path.stat().st_size
    ArchiveReader.open(path, Limits(max_archive_bytes=size)).close()
    with pytest.raises(ArchiveTooLarge) as caught:
        ArchiveReader.open(path, Limits(max_archive_bytes=size - 1))
    assert f"{size:,}" in caught.value.message
    assert f"{size - 1:,}" in caught.value.message
    assert 'HMS_BACKUP["MAX_ARCHIVE_BYTES"]' in caught.value.hint


def test_expansion_over_the_limit_is_refused_with_the_setting_to_raise(path: Path) -> None:
    with zipfile.ZipFile(path) as theirs:
        size = sum(entry.file_size for entry in theirs.infolist())
    ArchiveReader.open(path, Limits(max_expanded_bytes=size)).close()
    with pytest.raises(ArchiveTooLarge) as caught:
        ArchiveReader.open(path, Limits(max_expanded_bytes=size - 1))
    assert f"{size:,}" in caught.value.message
    assert 'HMS_BACKUP["MAX_EXPANDED_BYTES"]' in caught.value.hint


def test_missing_file_and_folder_are_storage_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, tmp_path / "a\x00b"):
        with pytest.raises(StorageError) as caught:
            ArchiveReader.open(path, ANY_SIZE)
        assert caught.value.hint


def test_stream_that_cannot_seek_is_a_storage_error() -> None:
    class Stream(io.BytesIO):
        def seek(self, _offset: int, _whence: int = 0) -> int:
            raise io.UnsupportedOperation("seek")

    with pytest.raises(StorageError):
        ArchiveReader.open(Stream(archive()), ANY_SIZE)


def test_file_that_shrinks_while_it_is_read_is_refused(path: Path) -> None:
    noise = random.Random(1)
    path.write_bytes(archive({"t": [noise.randbytes(50_000).hex().encode()]}))
    with ArchiveReader.open(path, ANY_SIZE) as reader:
        with path.open("r+b") as file:
            file.truncate(10)
        with pytest.raises(ArchiveError):
            reader.verify()


@pytest.mark.parametrize("content", [b"", b"x", b"PK", b"not a zip at all" * 10, b"\x1f\x8b" * 50])
def test_file_of_another_kind_is_refused_in_plain_words(content: bytes) -> None:
    with pytest.raises(ArchiveError) as caught:
        read(content)
    assert "The file is" in caught.value.message
    assert caught.value.hint
