"""``metadata.json`` both ways: ours comes back as it was, anything doubtful is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_backup.archive.manifest import Manifest, Member, parse_manifest, to_json
from hms_backup.exceptions import ManifestInvalid, VersionUnsupported
from hms_backup.schema import ArchivedColumn, Kind
from tests.archive.crafting import COLUMNS, LIVE, LIVE_METADATA, archive, manifest_of, read

CURRENT = read(archive())[0]
Content = dict[str, Any]
Change = Callable[[Content], object]

visible = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
columns = st.builds(
    ArchivedColumn,
    name=visible,
    type=visible,
    kind=st.sampled_from(Kind),
    nullable=st.booleans(),
    generated=st.booleans(),
)


@st.composite
def members(draw: st.DrawFn, table: str) -> Member:
    described = draw(st.lists(columns, min_size=1, unique_by=lambda column: column.name))
    names = [column.name for column in described]
    return Member(
        table=table,
        file=f"{table}.json",
        rows=draw(st.integers(0, 2**63 - 1)),
        bytes=draw(st.integers(0, 2**63 - 1)),
        sha256=draw(st.binary(min_size=32, max_size=32)).hex(),
        columns=tuple(described),
        primary_key=tuple(draw(st.lists(st.sampled_from(names), min_size=1, unique=True))),
    )


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    tables = draw(st.lists(st.from_regex(r"[a-l_][a-z0-9_]{0,20}", fullmatch=True), unique=True))
    facts = st.none() | st.dictionaries(visible, visible, max_size=4)
    return Manifest(
        export_date=draw(st.datetimes()).isoformat(),
        scope=draw(st.sampled_from(["subsystem", "department"])),
        target_id=draw(visible),
        version=draw(visible),
        members=tuple(draw(members(table)) for table in tables),
        format_version=f"2.{draw(st.integers(0, 99))}",
        system=draw(facts),
        database=draw(facts),
    )


def content_of(manifest: Manifest) -> Content:
    content: Content = json.loads(to_json(manifest))
    return content


def encoded(content: object) -> bytes:
    return json.dumps(content).encode()


@given(manifests())
def test_manifest_comes_back_as_it_was_written(manifest: Manifest) -> None:
    assert parse_manifest(to_json(manifest)) == manifest


def test_json_is_indented_utf8_that_begins_with_the_live_keys() -> None:
    text = to_json(manifest_of([])).decode()
    assert text.startswith('{\n  "export_date": "2026-11-23T01:59:06.479328+00:00",\n')
    assert text.endswith("}\n")
    assert list(json.loads(text))[:5] == list(LIVE_METADATA)


def test_tables_are_plain_names_as_the_live_system_reads_them() -> None:
    assert content_of(CURRENT)["tables"] == ["patients", "visits", "wards"]


def test_live_manifest_is_read_with_members_that_promise_nothing() -> None:
    manifest = parse_manifest(encoded(LIVE_METADATA))
    assert manifest.format_version is None
    assert not manifest.has_checksums
    assert manifest.members == (Member(table="vacancies", file="vacancies.json"),)
    assert parse_manifest(to_json(manifest)) == manifest


@pytest.mark.parametrize("name", ["live-HR1", "live-LOGISTICS"])
def test_real_live_manifest_names_its_scope(name: str) -> None:
    manifest = read((LIVE / f"{name}.hms-backup").read_bytes())[0]
    assert name == f"live-{manifest.target_id}"
    assert manifest.version == "1.0.0"


@pytest.mark.parametrize("version", ["2.1", "2.37"])
def test_later_minor_version_is_read_and_its_new_keys_passed_over(version: str) -> None:
    content = content_of(CURRENT) | {"format_version": version, "compression": {"level": [1]}}
    content["members"][0]["comment"] = "new"
    assert parse_manifest(encoded(content)).members == CURRENT.members


@pytest.mark.parametrize("version", ["1.0.0", "2", "3.0", "2.0.0", " 2.0", "2.0\n", "", "x"])
def test_other_format_version_is_refused_by_name(version: str) -> None:
    with pytest.raises(VersionUnsupported) as caught:
        parse_manifest(encoded(content_of(CURRENT) | {"format_version": version}))
    assert version.strip() in caught.value.message


@pytest.mark.parametrize("version", ["1.0", "1.0.1", "2.0.0", ""])
def test_other_version_of_the_live_system_is_refused(version: str) -> None:
    with pytest.raises(VersionUnsupported):
        parse_manifest(encoded(LIVE_METADATA | {"version": version}))


@pytest.mark.parametrize("key", list(LIVE_METADATA))
def test_missing_key_of_the_live_format_is_refused(key: str) -> None:
    content = {name: value for name, value in LIVE_METADATA.items() if name != key}
    with pytest.raises(ManifestInvalid):
        parse_manifest(encoded(content))


@pytest.mark.parametrize("key", [*LIVE_METADATA, "members"])
def test_missing_key_of_this_format_is_refused(key: str) -> None:
    content = {name: value for name, value in content_of(CURRENT).items() if name != key}
    with pytest.raises(ManifestInvalid):
        parse_manifest(encoded(content))


@pytest.mark.parametrize(
    "key", ["table", "file", "rows", "bytes", "sha256", "columns", "primary_key"]
)
def test_member_that_lacks_a_key_is_refused(key: str) -> None:
    content = content_of(CURRENT)
    del content["members"][0][key]
    with pytest.raises(ManifestInvalid):
        parse_manifest(encoded(content))


def _twice(content: Content) -> None:
    content["tables"].append("patients")
    content["members"].append(content["members"][0])


def _twins(content: Content) -> None:
    twin = content["members"][0] | {"table": "PATIENTS", "file": "PATIENTS.json"}
    content["tables"].append("PATIENTS")
    content["members"].append(twin)


def _twice_the_column(content: Content) -> None:
    content["members"][0]["columns"] *= 2


def _renamed(table: str, file: str) -> Change:
    def change(content: Content) -> None:
        content["tables"][0] = table
        content["members"][0] |= {"table": table, "file": file}

    return change


def _member(**values: object) -> Change:
    return lambda content: content["members"][0].update(values)


def _column(**values: object) -> Change:
    return lambda content: content["members"][0]["columns"][1].update(values)


def _top(**values: object) -> Change:
    return lambda content: content.update(values)


@pytest.mark.parametrize(
    "change",
    [
        _twice,
        _twins,
        _renamed("../x", "../x.json"),
        _renamed("metadata", "metadata.json"),
        _renamed("patients", "visits.json"),
        _renamed("patients", "people.json"),
        _renamed("a\u202eb", "a\u202eb.json"),
        _top(tables=["patients", "visits"]),
        _top(tables=["visits", "patients", "wards"]),
        _top(tables=[{"name": "patients"}]),
        _top(scope="ward"),
        _top(target_id=""),
        _top(target_id="HR1\x1b[2J"),
        _top(target_id="x" * 201),
        _top(export_date="yesterday"),
        _top(export_date=20261123),
        _top(system={"name": 1}),
        _top(system={"name": "a\x1b[2J"}),
        _top(database={"vendor": "a\nb"}),
        _top(database=[]),
        _member(rows=-1),
        _member(rows=2**63),
        _member(rows=1.5),
        _member(rows=True),
        _member(rows="1"),
        _member(rows=None),
        _member(bytes=-1),
        _member(sha256="0" * 63),
        _member(sha256="A" * 64),
        _member(sha256="0" * 64 + "\n"),
        _member(columns=[]),
        _member(
            columns=[{"name": "id", "type": "integer", "kind": "integer", "nullable": False}] * 2
        ),
        _member(primary_key=[]),
        _member(primary_key=["ID"]),
        _member(primary_key=["id", "id"]),
        _column(kind="integers"),
        _column(nullable=0),
        _column(generated=None),
        _column(name=""),
        _column(name="\x1b[2J"),
        _column(type="a\nb"),
    ],
)
def test_manifest_that_contradicts_the_format_is_refused(change: Change) -> None:
    content = content_of(CURRENT)
    assert parse_manifest(encoded(content)) == CURRENT
    change(content)
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(encoded(content))
    assert caught.value.hint
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"\xff",
        b"\xef\xbb\xbf" + encoded(LIVE_METADATA),
        encoded(LIVE_METADATA).decode().encode("utf-16"),
        encoded(LIVE_METADATA) + b"{}",
        encoded(LIVE_METADATA)[:-1],
        encoded(LIVE_METADATA).replace(b"HR1", b"\\ud800"),
        encoded(LIVE_METADATA).replace(b"HR1", b"\xff"),
        encoded(LIVE_METADATA).replace(b"HR1", b"\\u0000"),
        encoded(LIVE_METADATA)[:-1] + b', "more": NaN}',
        encoded(LIVE_METADATA)[:-1] + b', "version": "1.0.0"}',
        encoded(LIVE_METADATA)[:-1] + b', "more": {"a": 1, "a": 1}}',
        encoded(LIVE_METADATA)[:-1] + b', "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}",
    ],
)
def test_manifest_that_is_not_strict_json_is_refused(raw: bytes) -> None:
    assert parse_manifest(encoded(LIVE_METADATA)).target_id == "HR1"
    with pytest.raises(ManifestInvalid):
        parse_manifest(raw)


def test_unknown_key_may_hold_any_number() -> None:
    raw = encoded(LIVE_METADATA)[:-1] + b', "more": [1e400, ' + b"9" * 5000 + b"]}"
    assert parse_manifest(raw).target_id == "HR1"


def test_text_that_utf8_cannot_carry_is_not_written() -> None:
    manifest = Manifest(
        export_date="2026-01-01",
        scope="subsystem",
        target_id="\ud800",
        version="1.0.0",
        members=(),
    )
    with pytest.raises(ManifestInvalid):
        to_json(manifest)


def test_columns_of_every_kind_survive() -> None:
    described = tuple(
        ArchivedColumn(name=f"c_{kind}", type=str(kind), kind=kind, nullable=True) for kind in Kind
    )
    member = Member(
        table="t",
        file="t.json",
        rows=0,
        bytes=3,
        sha256="0" * 64,
        columns=COLUMNS + described,
        primary_key=("id",),
    )
    assert parse_manifest(to_json(manifest_of([member]))).members == (member,)
