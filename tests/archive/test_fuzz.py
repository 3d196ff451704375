"""Whatever bytes arrive, only errors of ours come out."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hms_backup.archive import Limits
from hms_backup.archive.manifest import parse_manifest, to_json
from hms_backup.exceptions import HmsBackupError, ManifestInvalid, VersionUnsupported
from tests.archive.crafting import (
    LIVE_METADATA,
    LIVE_ROWS,
    Lie,
    archive,
    craft,
    live_archive,
    metadata,
    read,
)

LIMIT = 100_000
LIMITS = Limits(
    max_archive_bytes=LIMIT, max_expanded_bytes=LIMIT, max_members=20, max_manifest_bytes=LIMIT
)
BASES = [archive(), live_archive(), live_archive(unseekable=True)]
TABLES = ["vacancies", "interviews"]

thorough = settings(max_examples=300, deadline=None)

short = st.sampled_from([0, 1, 8, 20, 45, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF]) | st.integers(0, 0xFFFF)
edges = [0, 1, 30, 22, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
long = st.sampled_from(edges) | st.integers(0, 500) | st.integers(0, 0xFFFFFFFF)
extra = st.binary(max_size=40) | st.builds(
    lambda values: bytes([1, 0, 8 * len(values), 0]) + b"".join(values),
    st.lists(st.integers(0, 2**64 - 1).map(lambda value: value.to_bytes(8, "little")), max_size=4),
)
common = {
    "needed": short,
    "flags": short,
    "method": short,
    "time": short,
    "date": short,
    "crc": long,
    "compressed": long,
    "expanded": long,
    "name_length": short,
    "extra_length": short,
    "name": st.binary(max_size=20),
    "extra": extra,
}
local = st.fixed_dictionaries({}, optional=common | {"data": st.binary(max_size=50)})
central = st.fixed_dictionaries(
    {},
    optional=common
    | {
        "made": short,
        "comment_length": short,
        "disk": short,
        "internal": short,
        "attributes": long,
        "offset": long,
    },
)
end = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["disk", "first_disk", "here", "count", "comment_length"], short),
        **dict.fromkeys(["size", "offset"], long),
        "before": st.binary(max_size=80),
        "tail": st.binary(max_size=30),
    },
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1.0.0", "2.0", "HR1", "subsystem", "id", "integer", "0" * 64]),
    lambda values: (
        st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=10), values, max_size=4)
    ),
    max_leaves=15,
)


def read_or_refuse(content: bytes) -> bool:
    """Read everything; say whether that succeeded. Only an error of ours is a refusal."""
    error: HmsBackupError | None = None
    try:
        manifest, contents = read(content, LIMITS)
    except HmsBackupError as refused:
        error = refused
    if error is not None:
        assert error.message.isprintable()
        assert json.dumps(error.as_dict()).encode()
        return False
    assert sum(map(len, contents.values())) <= LIMIT
    assert {member.file for member in manifest.members} == set(contents)
    return True


@thorough
@given(st.binary(max_size=300), st.sampled_from([b"", *(base[-22:] for base in BASES)]))
def test_random_bytes_are_refused(content: bytes, ending: bytes) -> None:
    assert not read_or_refuse(content + ending)


@thorough
@given(st.data(), st.sampled_from(BASES))
def test_mutated_archive_is_read_or_refused(data: st.DataObject, base: bytes) -> None:
    content = bytearray(base)
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(content)))
        stop = data.draw(st.integers(start, min(start + 40, len(content))))
        source = data.draw(st.integers(0, max(len(content) - 40, 0)))
        piece = st.binary(max_size=40) | st.just(bytes(content[source : source + 40]))
        content[start:stop] = data.draw(piece)
    read_or_refuse(bytes(content))


@thorough
@given(st.lists(st.tuples(local, central), min_size=1, max_size=4), end)
def test_archive_with_lying_fields_is_read_or_refused(
    lies: list[tuple[dict[str, Any], dict[str, Any]]], ending: dict[str, Any]
) -> None:
    names = [f"t{number}" for number in range(len(lies) - 1)]
    contents = [metadata(names), *(Lie(name=f"{name}.json", content=LIVE_ROWS) for name in names)]
    for member, (in_local, in_central) in zip(contents, lies, strict=True):
        member.local, member.central = in_local, in_central
    read_or_refuse(craft(contents, end=ending))


@thorough
@given(st.sampled_from(["local", "central", "both", "end"]), st.data())
def test_archive_with_one_lying_field_is_read_or_refused(where: str, data: st.DataObject) -> None:
    member = Lie(name="vacancies.json", content=LIVE_ROWS)
    if where == "end":
        ending = data.draw(end)
    else:
        ending = {}
        field = data.draw(st.sampled_from(sorted(common)))
        lie: dict[str, Any] = {field: data.draw(common[field])}
        if field == "extra":
            lie["extra_length"] = len(lie["extra"])
        member.local = lie if where != "central" else {}
        member.central = lie if where != "local" else {}
    read_or_refuse(craft([metadata(), member], end=ending))


@thorough
@given(
    st.dictionaries(
        st.sampled_from(["metadata.json", *(f"{table}.json" for table in TABLES)])
        | st.text(min_size=1, max_size=10).filter(lambda name: "\x00" not in name),
        st.binary(max_size=200),
        max_size=5,
    ),
    st.sampled_from(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    ),
    st.booleans(),
)
def test_zip_of_any_files_is_read_or_refused(
    files: dict[str, bytes], method: int, is_backup: bool
) -> None:
    if is_backup:
        files["metadata.json"] = json.dumps(LIVE_METADATA | {"tables": TABLES}).encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as target:
        for name, content in files.items():
            target.writestr(name, content)
    complete = is_backup and set(files) == {"metadata.json", "vacancies.json", "interviews.json"}
    supported = method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    assert read_or_refuse(file.getvalue()) is (complete and supported)


@thorough
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_manifest_is_refused_as_such(raw: bytes) -> None:
    try:
        parse_manifest(raw)
    except (ManifestInvalid, VersionUnsupported):
        return
    raise AssertionError("a manifest by chance")


@thorough
@given(st.data())
def test_manifest_with_replaced_values_is_read_or_refused(data: st.DataObject) -> None:
    content: dict[str, Any] = json.loads(to_json(read(archive())[0]))
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = content
        while isinstance(place, dict | list) and place:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
                place[key] = data.draw(json_values)
                break
            place = place[key]
    raw = json.dumps(content).encode()
    try:
        manifest = parse_manifest(raw)
    except (ManifestInvalid, VersionUnsupported):
        return
    assert parse_manifest(to_json(manifest)) == manifest
