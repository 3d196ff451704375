"""Archives made to deceive, and archives damaged on the way: refused, or read identically."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hms_backup.archive import ArchiveReader, Limits, zipformat
from hms_backup.conf import MEBIBYTE
from hms_backup.exceptions import (
    ArchiveError,
    ArchiveTooLarge,
    ChecksumMismatch,
    HmsBackupError,
    ManifestInvalid,
)
from tests.archive.crafting import (
    ANY_SIZE,
    LIVE_ROWS,
    Contents,
    Lie,
    archive,
    craft,
    current_metadata,
    deflated,
    live_archive,
    metadata,
    read,
)

ROWS = Lie(name="vacancies.json", content=LIVE_ROWS)
DOS_DIRECTORY = 0x10


def rows(**changes: Any) -> Lie:
    """The honest member with rows, but for ``changes`` to both of its headers."""
    return Lie(name="vacancies.json", content=LIVE_ROWS, local=changes, central=changes)


def refusal(content: bytes, because: str = "", limits: Limits = ANY_SIZE) -> ArchiveError:
    """Why it is refused, which must be ``because`` and not something else."""
    with pytest.raises(ArchiveError) as caught:
        read(content, limits)
    assert because in caught.value.message
    assert caught.value.hint
    assert caught.value.message.isprintable()
    return caught.value


def zip64_field(*values: int) -> dict[str, Any]:
    extra = struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)
    return {"extra": extra, "extra_length": len(extra)}


def zip64_end(content: bytes, **changes: int) -> bytes:
    """The same archive with a 64-bit end record before the short one, true but for ``changes``."""
    *_, here, count, size, offset, _ = zipformat.END.unpack(content[-zipformat.END.size :])
    at = len(content) - zipformat.END.size
    fields = {"length": 44, "needed": 45, "disk": 0, "first_disk": 0, "here": here, "count": count}
    fields |= {"size": size, "offset": offset, "where": at, "locator_disk": 0, "disks": 1} | changes
    record = zipformat.END64.pack(
        zipformat.END64_SIGNATURE,
        fields["length"],
        45,
        *(fields[name] for name in ("needed", "disk", "first_disk")),
        *(fields[name] for name in ("here", "count", "size", "offset")),
    )
    locator = zipformat.LOCATOR.pack(
        zipformat.LOCATOR_SIGNATURE, fields["locator_disk"], fields["where"], fields["disks"]
    )
    return content[:at] + record + locator + content[at:]


def test_crafted_archive_is_read_when_nothing_in_it_lies() -> None:
    assert read(craft([metadata(), ROWS]))[1] == {"vacancies.json": LIVE_ROWS}
    assert read(zip64_end(craft([metadata(), ROWS])))[1] == {"vacancies.json": LIVE_ROWS}


class TestStructure:
    """Bytes and records that two programs could understand differently."""

    @pytest.mark.parametrize("added", [b"\x00", b"\n", b"<?php ?>"])
    def test_trailing_bytes_are_refused(self, added: bytes) -> None:
        refusal(archive() + added, "does not end as one")

    @pytest.mark.parametrize("added", [b"\x00", b"#!/bin/sh\n", archive({"x": []})])
    def test_prepended_bytes_are_refused(self, added: bytes) -> None:
        assert zipfile.is_zipfile(io.BytesIO(added + archive()))
        refusal(added + archive())

    def test_prepended_bytes_are_refused_when_the_offsets_account_for_them(self) -> None:
        file = io.BytesIO(b"#!/bin/sh\n")
        with zipfile.ZipFile(file, "a") as target:
            target.writestr("metadata.json", metadata().content)
            target.writestr("vacancies.json", LIVE_ROWS)
        refusal(file.getvalue(), "does not begin where")

    def test_archive_comment_is_refused(self) -> None:
        file = io.BytesIO(live_archive())
        with zipfile.ZipFile(file, "a") as target:
            target.comment = b"hello"
        refusal(file.getvalue(), "does not end as one")

    def test_end_record_that_promises_a_comment_is_refused(self) -> None:
        refusal(
            craft([metadata(), ROWS], end={"comment_length": 1}),
            "record at its end contradicts itself",
        )

    def test_second_end_record_is_refused(self) -> None:
        content = archive()
        refusal(content + content[-zipformat.END.size :])

    def test_two_archives_laid_end_to_end_are_refused(self) -> None:
        refusal(archive() + live_archive())

    def test_bytes_between_members_are_refused(self) -> None:
        hidden = Lie(name="vacancies.json", content=LIVE_ROWS, before=b"hidden")
        refusal(craft([metadata(), hidden]), "does not begin where")

    def test_bytes_before_the_directory_are_refused(self) -> None:
        content = craft([metadata(), ROWS])
        *_, size, offset, _ = zipformat.END.unpack(content[-zipformat.END.size :])
        end = {"size": size, "offset": offset + 4}
        record = craft([], end={"here": 2, "count": 2} | end)
        refusal(
            content[:offset] + b"gap!" + content[offset : offset + size] + record,
            "between its last file and its directory",
        )

    def test_bytes_between_directory_and_end_are_refused(self) -> None:
        refusal(craft([metadata(), ROWS], end={"before": b"gap!"}), "directory is not where")

    def test_overlapping_members_are_refused(self) -> None:
        first = metadata(["vacancies", "interviews"])
        twice = Lie(name="interviews.json", content=LIVE_ROWS)
        content = craft([first, ROWS, twice])
        offset = content.index(b"PK\x03\x04", 4)
        refusal(
            craft(
                [
                    first,
                    ROWS,
                    Lie(name="interviews.json", content=LIVE_ROWS, central={"offset": offset}),
                ]
            ),
            "does not begin where",
        )

    def test_member_inside_another_is_refused(self) -> None:
        inner = craft([Lie(name="interviews.json", content=LIVE_ROWS)])
        outer = Lie(
            name="vacancies.json",
            content=inner,
            raw=inner,
            local={"method": 0},
            central={"method": 0},
        )
        first = metadata(["vacancies", "interviews"])
        plain = craft([first, outer])
        offset = plain.index(b"PK\x03\x04", plain.index(b"vacancies.json"))
        hidden = Lie(name="interviews.json", content=LIVE_ROWS, central={"offset": offset})
        refusal(craft([first, outer, hidden]), "does not begin where")

    @pytest.mark.parametrize("count", [0, 1, 3, 65535])
    def test_wrong_member_count_is_refused(self, count: int) -> None:
        refusal(craft([metadata(), ROWS], end={"here": count, "count": count}))

    @pytest.mark.parametrize("field", ["disk", "first_disk", "here", "count", "size", "offset"])
    @pytest.mark.parametrize("value", [1, 3, 0xFFFF])
    def test_end_record_that_contradicts_the_file_is_refused(self, field: str, value: int) -> None:
        refusal(craft([metadata(), ROWS], end={field: value}))

    def test_directory_that_ends_inside_a_record_is_refused(self) -> None:
        content = craft([metadata(), ROWS])
        *_, size, _, _ = zipformat.END.unpack(content[-zipformat.END.size :])
        for more in (zipformat.CENTRAL_SIGNATURE, zipformat.CENTRAL_SIGNATURE + bytes(41)):
            end = {"here": 3, "count": 3, "before": more, "size": size + len(more)}
            refusal(craft([metadata(), ROWS], end=end), "directory cannot be read")

    def test_directory_record_without_its_signature_is_refused(self) -> None:
        refusal(craft([metadata(), rows(signature=b"PK\x01\x03")]), "directory cannot be read")

    def test_directory_much_larger_than_its_entries_is_refused_unread(self) -> None:
        more = bytes(20 * MEBIBYTE)
        *_, size, _, _ = zipformat.END.unpack(craft([metadata(), ROWS])[-zipformat.END.size :])
        content = craft([metadata(), ROWS], end={"before": more, "size": size + len(more)})
        with _flat_memory():
            refusal(content, "larger than its entries")

    def test_directory_not_in_the_order_of_the_members_is_refused(self) -> None:
        content = craft([ROWS, metadata()])
        *_, size, offset, _ = zipformat.END.unpack(content[-zipformat.END.size :])
        directory = content[offset : offset + size]
        second = directory.index(zipformat.CENTRAL_SIGNATURE, 4)
        swapped = directory[second:] + directory[:second]
        with zipfile.ZipFile(
            io.BytesIO(content[:offset] + swapped + content[offset + size :])
        ) as theirs:
            assert theirs.testzip() is None
        refusal(content[:offset] + swapped + content[offset + size :], "does not begin where")

    @pytest.mark.parametrize(
        "changes",
        [
            {"signature": b"PK\x03\x05"},
            {"needed": 63},
            {"flags": zipformat.FLAG_UTF8},
            {"flags": zipformat.FLAG_DESCRIPTOR},
            {"method": 0},
            {"time": 1},
            {"date": 0x22},
            {"crc": 0},
            {"compressed": 1},
            {"expanded": 1},
            {"name": b"vacancies.jsoN"},
            {"name": b"interview.json"},
            {"name": b"vacancies.jso", "name_length": 13},
            {"extra": b"\xfe\xca\x00\x00", "extra_length": 4},
            {"crc": 0, "compressed": 0, "expanded": 0},
            zip64_field(1, 2),
        ],
    )
    def test_two_headers_that_disagree_are_refused(self, changes: dict[str, Any]) -> None:
        refusal(craft([metadata(), Lie(name="vacancies.json", content=LIVE_ROWS, local=changes)]))

    @pytest.mark.parametrize("field", ["crc", "compressed", "expanded"])
    def test_descriptor_that_disagrees_is_refused(self, field: str) -> None:
        flags = {"flags": zipformat.FLAG_DESCRIPTOR}
        data = deflated(LIVE_ROWS)
        truth = {"crc": zlib.crc32(LIVE_ROWS), "compressed": len(data), "expanded": len(LIVE_ROWS)}

        def descriptor(values: dict[str, int]) -> bytes:
            return zipformat.DESCRIPTOR.pack(zipformat.DESCRIPTOR_SIGNATURE, *values.values())

        def content(values: dict[str, int]) -> bytes:
            member = Lie(
                name="vacancies.json",
                content=LIVE_ROWS,
                local={
                    **flags,
                    "crc": 0,
                    "compressed": 0,
                    "expanded": 0,
                    "data": data + descriptor(values),
                },
                central=flags,
            )
            return craft([metadata(), member])

        assert read(content(truth))[1] == {"vacancies.json": LIVE_ROWS}
        refusal(content(truth | {field: truth[field] + 1}), "contradict each other")
        refusal(content(truth | {field: 0}), "contradict each other")

    def test_descriptor_beyond_the_file_is_refused(self) -> None:
        lie = rows(flags=zipformat.FLAG_DESCRIPTOR, compressed=2**31)
        refusal(craft([metadata(), lie]), "ends before")


class TestZip64:
    """Sixty-four-bit records that say something else than the short ones."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"length": 45},
            {"needed": 63},
            {"disk": 1},
            {"first_disk": 1},
            {"here": 3},
            {"count": 3},
            {"size": 2**64 - 1},
            {"offset": 0},
            {"offset": 2**64 - 1},
            {"where": 0},
            {"where": 2**64 - 1},
            {"locator_disk": 1},
            {"disks": 2},
        ],
    )
    def test_end_record_that_disagrees_is_refused(self, changes: dict[str, int]) -> None:
        refusal(
            zip64_end(craft([metadata(), ROWS]), **changes), "two records at its end contradict"
        )

    def test_end_record_without_its_signature_is_refused(self) -> None:
        content = zip64_end(craft([metadata(), ROWS]))
        broken = content.replace(zipformat.END64_SIGNATURE, b"PK\x06\x05")
        refusal(broken, "two records at its end contradict")

    @pytest.mark.parametrize("changes", [{"here": 3, "count": 3}, {"size": 1}, {"offset": 1}])
    def test_short_end_record_that_disagrees_is_refused(self, changes: dict[str, int]) -> None:
        content = craft([metadata(), ROWS])
        *_, size, offset, _ = zipformat.END.unpack(content[-zipformat.END.size :])
        lie = craft([metadata(), ROWS], end=changes)
        truth = {"here": 2, "count": 2, "size": size, "offset": offset}
        refusal(zip64_end(lie, **truth), "two records at its end contradict")

    @pytest.mark.parametrize("head", [(2, 16), (1, 15), (1, 17), (0x7075, 16)])
    def test_sizes_in_a_field_of_another_kind_are_refused(self, head: tuple[int, int]) -> None:
        data = deflated(LIVE_ROWS)
        extra = struct.pack("<2H2Q", *head, len(LIVE_ROWS), len(data))
        saturated = {"compressed": 0xFFFFFFFF, "expanded": 0xFFFFFFFF, "extra_length": len(extra)}
        refusal(craft([metadata(), rows(**saturated, extra=extra)]), "additional fields")
        right = struct.pack("<2H", 1, 16) + extra[4:]
        assert read(craft([metadata(), rows(**saturated, extra=right)]))

    def test_short_end_record_may_leave_everything_to_the_long_one(self) -> None:
        content = craft([metadata(), ROWS])
        *_, size, offset, _ = zipformat.END.unpack(content[-zipformat.END.size :])
        saturated = {"here": 0xFFFF, "count": 0xFFFF, "size": 0xFFFFFFFF, "offset": 0xFFFFFFFF}
        left = craft([metadata(), ROWS], end=saturated)
        assert read(zip64_end(left, here=2, count=2, size=size, offset=offset))[1]
        refusal(left)

    @pytest.mark.parametrize("sizes", [(), (1,), (1, 2), (2**64 - 1, 2**64 - 1), (1, 2, 3)])
    def test_sizes_that_disagree_are_refused(self, sizes: tuple[int, ...]) -> None:
        changes = {"compressed": 0xFFFFFFFF, "expanded": 0xFFFFFFFF} | zip64_field(*sizes)
        refusal(craft([metadata(), rows(**changes)]))

    def test_field_for_sizes_that_need_none_is_refused(self) -> None:
        sizes = zip64_field(len(LIVE_ROWS), len(deflated(LIVE_ROWS)))
        refusal(craft([metadata(), rows(**sizes)]), "additional fields")

    def test_offset_beyond_the_file_is_refused(self) -> None:
        changes = {"offset": 0xFFFFFFFF} | zip64_field(2**63)
        refusal(
            craft([metadata(), Lie(name="vacancies.json", content=LIVE_ROWS, central=changes)]),
            "does not begin where",
        )


class TestMembers:
    """Members that a backup never has."""

    @pytest.mark.parametrize(
        "name",
        [
            "../vacancies.json",
            "/vacancies.json",
            "C:vacancies.json",
            "..\\vacancies.json",
            "a/vacancies.json",
            "./vacancies.json",
            "vacancies.json/",
            "vacancies.json ",
            ".vacancies.json",
            "vacancies.json\x00.txt",
            "vacan\u202ecies.json",
            "vacancie\u0301s.json",
            "con\n.json",
            "x" * 300 + ".json",
            "",
        ],
    )
    def test_name_that_is_not_plain_is_refused(self, name: str) -> None:
        refusal(craft([metadata(), ROWS, Lie(name=name, content=LIVE_ROWS)]), "not acceptable")

    @pytest.mark.parametrize("raw", [b"vacanci\xe9s.json", b"\xff\xfe.json"])
    @pytest.mark.parametrize("flags", [0, zipformat.FLAG_UTF8])
    def test_name_in_an_unknown_encoding_is_refused(self, raw: bytes, flags: int) -> None:
        changes = {"name": raw, "name_length": len(raw), "flags": flags}
        refusal(craft([metadata(), rows(**changes)]), "name cannot be read")

    @pytest.mark.parametrize("second", ["vacancies.json", "VACANCIES.json", "vacancie\u017f.json"])
    def test_duplicate_and_twin_names_are_refused(self, second: str) -> None:
        refusal(
            craft([metadata(), ROWS, Lie(name=second, content=LIVE_ROWS)]),
            "two files in it are named",
        )

    def test_duplicate_name_written_by_python_is_refused(self) -> None:
        file = io.BytesIO(live_archive())
        with zipfile.ZipFile(file, "a") as target, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.writestr("vacancies.json", b"[]")
        refusal(file.getvalue(), "two files in it are named")

    @pytest.mark.parametrize("kind", [0o120777, 0o040755, 0o020666, 0o060666, 0o010666, 0o140777])
    def test_links_folders_and_devices_are_refused(self, kind: int) -> None:
        message = refusal(craft([metadata(), rows(attributes=kind << 16)])).message
        assert "not a regular file" in message

    def test_dos_folder_is_refused(self) -> None:
        refusal(craft([metadata(), rows(attributes=DOS_DIRECTORY)]), "not a regular file")

    def test_features_of_later_zip_versions_are_refused(self) -> None:
        refusal(craft([metadata(), rows(needed=46)]), "features")

    @pytest.mark.parametrize("bit", [0, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15])
    def test_encryption_and_unknown_features_are_refused(self, bit: int) -> None:
        message = refusal(craft([metadata(), rows(flags=1 << bit)])).message
        assert ("encrypted" in message) is (bit == 0)

    @pytest.mark.parametrize(
        ("method", "raw"),
        [
            (12, bz2.compress(LIVE_ROWS)),
            (14, lzma.compress(LIVE_ROWS)),
            (9, b"x"),
            (93, b"x"),
            (99, b"x"),
        ],
    )
    def test_other_compression_is_refused(self, method: int, raw: bytes) -> None:
        changes = {"method": method}
        member = Lie(
            name="vacancies.json", content=LIVE_ROWS, raw=raw, local=changes, central=changes
        )
        refusal(craft([metadata(), member]), "compressed in a way")

    def test_unicode_path_field_is_refused(self) -> None:
        path = b"interviews.json"
        name = b"vacancies.json"
        extra = struct.pack("<2HBL", 0x7075, 5 + len(path), 1, zlib.crc32(name)) + path
        refusal(
            craft([metadata(), rows(extra=extra, extra_length=len(extra))]), "additional fields"
        )

    @pytest.mark.parametrize("field", ["disk", "comment_length"])
    def test_member_with_a_comment_or_on_another_disk_is_refused(self, field: str) -> None:
        central = {field: 1, "comment": b"x" if field == "comment_length" else b""}
        refusal(
            craft([metadata(), Lie(name="vacancies.json", content=LIVE_ROWS, central=central)]),
            "not a plain one",
        )

    def test_hundred_thousand_members_are_refused_unread(self) -> None:
        empty = zipformat.Entry(name="x.json", crc=0, compressed=0, expanded=0, offset=0)
        directory = zipformat.pack_central(empty) * 100_000
        refusal(directory + zipformat.pack_end(100_000, len(directory), 0), "100000 files")

    def test_members_up_to_the_limit_are_read(self) -> None:
        tables = [f"t{number}" for number in range(1999)]
        members = [metadata(tables), *(Lie(name=f"{name}.json", content=b"[]") for name in tables)]
        assert len(read(craft(members))[1]) == 1999
        error = refusal(craft(members), limits=Limits(max_members=1999))
        assert "2000" in error.message


class TestManifestAndMembers:
    """The manifest and the members must be the same set."""

    def test_smuggled_member_is_refused_by_name(self) -> None:
        error = refusal(craft([metadata(), ROWS, Lie(name="users.json", content=b"[]")]))
        assert isinstance(error, ManifestInvalid)
        assert "users.json" in error.message

    def test_missing_member_is_refused_by_name(self) -> None:
        error = refusal(craft([metadata(["vacancies", "interviews"]), ROWS]))
        assert isinstance(error, ManifestInvalid)
        assert "interviews.json" in error.message

    def test_zip_without_a_manifest_is_refused(self) -> None:
        for members in ([], [ROWS]):
            assert isinstance(refusal(craft(members)), ManifestInvalid)

    @pytest.mark.parametrize("table", ['x"; DROP TABLE users; --', "a/../users", "x\x00"])
    def test_table_that_is_no_plain_name_is_refused(self, table: str) -> None:
        refusal(craft([metadata([table]), Lie(name=f"{table}.json", content=b"[]")]))

    def test_manifest_larger_than_any_backup_has_is_refused_unread(self) -> None:
        padding = metadata(padding="x" * 5 * MEBIBYTE)
        assert isinstance(refusal(craft([padding, ROWS])), ManifestInvalid)
        assert isinstance(refusal(archive(), limits=Limits(max_manifest_bytes=10)), ManifestInvalid)

    def test_member_other_than_the_manifest_promises_is_refused(self) -> None:
        promise = current_metadata({"visits": b"[1]\n"})
        assert read(craft([Lie(name="visits.json", content=b"[1]\n"), promise]))
        error = refusal(craft([Lie(name="visits.json", content=b"[2]\n"), promise]))
        assert isinstance(error, ChecksumMismatch)
        assert error.table == "visits"

    @pytest.mark.parametrize("lie", ["crc", "sha256"])
    def test_last_block_is_not_handed_out_before_the_checksums_hold(self, lie: str) -> None:
        changes = {"crc": 1} if lie == "crc" else {}
        member = Lie(name="visits.json", content=b"[2]\n", local=changes, central=changes)
        promise = current_metadata({"visits": b"[2]\n" if lie == "crc" else b"[1]\n"})
        with ArchiveReader.open(io.BytesIO(craft([member, promise])), ANY_SIZE) as reader:
            blocks = reader.blocks(reader.manifest.members[0])
            with pytest.raises(ChecksumMismatch):
                next(blocks)

    def test_member_of_another_length_is_refused_when_opened(self) -> None:
        content = craft(
            [Lie(name="visits.json", content=b"[]"), current_metadata({"visits": b"[]\n"})]
        )
        with pytest.raises(ChecksumMismatch):
            ArchiveReader.open(io.BytesIO(content), ANY_SIZE)


class TestSizes:
    """Members that expand to something else than they say, or to far too much."""

    @pytest.mark.parametrize("said", [0, 1, len(LIVE_ROWS) - 1, len(LIVE_ROWS) + 1, 10**6])
    def test_size_lie_with_a_matching_checksum_is_refused(self, said: int) -> None:
        for crc in (zlib.crc32(LIVE_ROWS), zlib.crc32(LIVE_ROWS[:said])):
            refusal(craft([metadata(), rows(expanded=said, crc=crc)]))

    def test_checksum_lie_is_refused(self) -> None:
        error = refusal(craft([metadata(), rows(crc=1)]))
        assert isinstance(error, ChecksumMismatch)

    @pytest.mark.parametrize(
        "raw", [b"", b"\x07", deflated(LIVE_ROWS)[:-1], bytes(30), b"\xff" * 30]
    )
    def test_compressed_data_that_is_none_is_refused(self, raw: bytes) -> None:
        refusal(craft([metadata(), Lie(name="vacancies.json", content=LIVE_ROWS, raw=raw)]))

    @pytest.mark.parametrize("added", [b"\x00", b"x" * 10, deflated(b"more"), b"x" * 200_000])
    def test_bytes_behind_the_compressed_data_are_refused(self, added: bytes) -> None:
        raw = deflated(LIVE_ROWS) + added
        refusal(
            craft([metadata(), Lie(name="vacancies.json", content=LIVE_ROWS, raw=raw)]),
            "something follows",
        )

    def test_bytes_behind_compressed_data_of_exactly_one_read_are_refused(self) -> None:
        content = bytes(65536 - 5)
        raw = struct.pack("<B2H", 1, len(content), len(content) ^ 0xFFFF) + content
        honest = Lie(name="vacancies.json", content=content, raw=raw)
        assert read(craft([metadata(), honest]))[1] == {"vacancies.json": content}
        hiding = Lie(name="vacancies.json", content=content, raw=raw + b"hidden")
        refusal(craft([metadata(), hiding]), "something follows")

    def test_stored_member_with_two_sizes_is_refused(self) -> None:
        changes = {"method": 0, "expanded": 1}
        member = Lie(
            name="vacancies.json", content=b"[]", raw=b"[]", local=changes, central=changes
        )
        refusal(craft([metadata(), member]), "two sizes")

    def test_bomb_that_says_what_it_is_is_refused_unread(self) -> None:
        content = craft([metadata(), Lie(name="vacancies.json", content=bytes(60 * MEBIBYTE))])
        assert len(content) < 100_000
        error = refusal(content, limits=Limits(max_expanded_bytes=50 * MEBIBYTE))
        assert isinstance(error, ArchiveTooLarge)

    def test_bomb_that_lies_is_refused_at_the_size_it_said(self) -> None:
        bomb = deflated(bytes(200 * MEBIBYTE))
        for said in (10, MEBIBYTE):
            changes = {"expanded": said}
            member = Lie(name="vacancies.json", raw=bomb, local=changes, central=changes)
            content = craft([metadata(), member])
            with _flat_memory(), ArchiveReader.open(io.BytesIO(content), ANY_SIZE) as reader:
                sizes: list[int] = []
                blocks = reader.blocks(reader.manifest.members[0])
                with pytest.raises(ArchiveError):
                    sizes.extend(len(block) for block in blocks)
            assert sum(sizes) <= said

    def test_memory_stays_flat_while_a_bomb_within_the_limits_is_read(self) -> None:
        size = 200 * MEBIBYTE
        content = craft([metadata(), Lie(name="vacancies.json", content=bytes(size))])
        assert size / len(content) > 1000
        with _flat_memory(), ArchiveReader.open(io.BytesIO(content), ANY_SIZE) as reader:
            reader.verify()

    def test_bomb_in_the_manifest_is_refused_at_the_size_it_said(self) -> None:
        changes = {"expanded": 1000}
        bomb = Lie(
            name="metadata.json",
            raw=deflated(bytes(200 * MEBIBYTE)),
            local=changes,
            central=changes,
        )
        content = craft([bomb, ROWS])
        with _flat_memory():
            refusal(content)


@contextmanager
def _flat_memory() -> Iterator[None]:
    """Fail when more than a few blocks were held at once."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * MEBIBYTE


def small_archives() -> Iterator[tuple[str, bytes]]:
    yield "ours", archive({"visits": [b'{"id":1,"name":"x"}'], "wards": []})
    yield "live", live_archive()
    yield "stored", live_archive(method=zipfile.ZIP_STORED)
    yield "streamed", live_archive(unseekable=True)
    yield "zip64", zip64_end(craft([metadata(), ROWS]))


@pytest.fixture(params=[pytest.param(content, id=name) for name, content in small_archives()])
def small(request: pytest.FixtureRequest) -> bytes:
    content: bytes = request.param
    return content


class TestDamage:
    """Whatever happens to an archive on its way: it is refused, or it is read as it was."""

    def test_truncation_at_any_byte_is_refused(self, small: bytes) -> None:
        assert read(small)
        for length in range(len(small)):
            refusal(small[:length])

    def test_any_flipped_bit_is_refused_or_changes_nothing(self, small: bytes) -> None:
        truth = read(small)
        damaged = bytearray(small)
        unnoticed = 0
        for position in range(len(small)):
            for bit in range(8):
                damaged[position] ^= 1 << bit
                unnoticed += _reads_as(truth, bytes(damaged))
                damaged[position] ^= 1 << bit
        assert unnoticed < 8 * len(small) * 0.1

    def test_any_overwritten_byte_is_refused_or_changes_nothing(self, small: bytes) -> None:
        truth = read(small)
        damaged = bytearray(small)
        for position, original in enumerate(small):
            for value in {0x00, 0x01, 0x20, 0x7F, 0x80, 0xFF} - {original}:
                damaged[position] = value
                _reads_as(truth, bytes(damaged))
            damaged[position] = original

    def test_any_removed_or_doubled_byte_is_refused(self, small: bytes) -> None:
        for position in range(len(small)):
            refusal(small[:position] + small[position + 1 :])
            refusal(small[:position] + small[position : position + 1] + small[position:])


def _reads_as(truth: Contents, content: bytes) -> bool:
    """Whether it is read, and then as ``truth``; anything but an error of ours gets out."""
    try:
        found = read(content)
    except HmsBackupError:
        return False
    assert found == truth
    return True


def test_every_refusal_is_one_that_json_can_carry() -> None:
    for content in (b"", archive()[:-1], archive() + b"x"):
        assert json.dumps(refusal(content).as_dict())
