"""What a person can set, type or run into is documented, and nothing else is."""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import load_command_class

import hms_backup
from hms_backup import checks, exceptions
from hms_backup.cli.exits import Exit, UsageError, exit_for
from hms_backup.conf import KEYS, Settings
from hms_backup.exceptions import HmsBackupError, OperationCrashed
from hms_backup.plan import ACCEPTABLE
from tests.support import ROOT

DOCS = ROOT / "docs"
SOURCES = ROOT / "hms_backup"
GENERAL = {"help", "settings", "pythonpath", "traceback", "no-color", "force-color", "verbosity"}
"""Django's own options, which are documented by Django."""


def verbs() -> dict[str, argparse.ArgumentParser]:
    """Each verb's parser."""
    parser = load_command_class("hms_backup", "hms_backup").create_parser("manage.py", "hms_backup")
    [subparsers] = [
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(subparsers.choices)


def section(text: str, heading: str) -> str:
    """A document's text from a heading to the next of the same level."""
    level = heading.split(" ")[0]
    _, _, rest = text.partition(f"\n{heading}\n")
    return rest.partition(f"\n{level} ")[0]


def errors(kind: type[HmsBackupError] = HmsBackupError) -> Iterator[type[HmsBackupError]]:
    """Every error there is, wherever it is defined."""
    yield kind
    for each in kind.__subclasses__():
        yield from errors(each)


def first_cells(table: str) -> dict[str, list[str]]:
    """The rows of Markdown tables by the code in their first cell."""
    return {
        match[1]: [cell.strip() for cell in match[2].split("|")]
        for match in re.finditer(r"^\| `([^`]+)` \|(.*)\|$", table, re.MULTILINE)
    }


@pytest.fixture(scope="module", autouse=True)
def _everything_imported() -> None:
    for module in pkgutil.walk_packages(hms_backup.__path__, "hms_backup."):
        if ".management" not in module.name:
            importlib.import_module(module.name)


def test_every_setting_is_documented_with_its_default() -> None:
    documented = first_cells((DOCS / "settings.md").read_text())

    assert set(documented) == set(KEYS)
    for key, cells in documented.items():
        default = getattr(Settings(), key.lower())
        shown = f"{default:,}" if type(default) is int else f"`{default!r}`".replace("'", '"')
        assert cells[0].startswith(shown), key


def test_every_error_code_is_documented_with_its_exit_code() -> None:
    text = section((DOCS / "errors.md").read_text(), "## Errors")
    documented = first_cells(text)

    raised = {each.code: each for each in errors()}
    assert set(documented) == set(raised)
    for code, cells in documented.items():
        expected = (
            "–" if raised[code] is OperationCrashed else str(int(exit_for(raised[code]("x"))))
        )
        assert cells[0] == expected, code


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [each.code for each in errors()]

    assert len(codes) == len(set(codes))
    assert UsageError.code in codes


def test_every_error_is_drawn_in_the_tree() -> None:
    for each in errors():
        if each.__module__ == exceptions.__name__ and each is not HmsBackupError:
            drawn = rf"{each.__name__} +{each.code}$"
            assert re.search(drawn, exceptions.__doc__ or "", re.MULTILINE), each


def test_every_problem_of_a_plan_is_documented() -> None:
    documented = first_cells(section((DOCS / "errors.md").read_text(), "## Problems of a plan"))

    used = set()
    for path in SOURCES.rglob("*.py"):
        used |= problem_codes(path)
    assert set(documented) == used


def test_every_problem_that_can_be_accepted_is_an_argument_of_accept() -> None:
    documented = first_cells(section((DOCS / "errors.md").read_text(), "## Problems of a plan"))

    assert {code for code, cells in documented.items() if cells[0] == "to accept"} == ACCEPTABLE


def problem_codes(path: Path) -> set[str]:
    """The codes a source file gives its problems: ``code="…"``, what is passed for a parameter
    named ``code``, and the tuples that are unpacked into ``code, …``."""
    tree = ast.parse(path.read_text())
    places = {
        function.name: [argument.arg for argument in function.args.args].index("code")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and "code" in [argument.arg for argument in function.args.args]
    }
    unpacked = {
        len(names)
        for node in ast.walk(tree)
        if isinstance(node, ast.For | ast.Assign)
        and (names := _names(node.target if isinstance(node, ast.For) else node.targets[0]))[:1]
        == ["code"]
    }
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            place = places.get(called, len(node.args))
            found += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            found += node.args[place : place + 1]
        elif isinstance(node, ast.Tuple) and {len(node.elts), len(node.elts) + 1} & unpacked:
            found += node.elts[:1]
    constants = [each.value for each in found if isinstance(each, ast.Constant)]
    return {each for each in constants if isinstance(each, str) and re.fullmatch("[a-z_]+", each)}


def _names(target: ast.expr) -> list[str]:
    return [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]


def test_every_check_is_documented() -> None:
    listed = r"^\| `(hms_backup\.[EWI]\d{3})`"
    documented = set(re.findall(listed, (DOCS / "errors.md").read_text(), re.MULTILINE))

    used = re.findall(r'id="(hms_backup\.\w+)"', Path(checks.__file__).read_text())
    assert documented == set(used)


def test_every_exit_code_is_documented_where_errors_and_commands_are() -> None:
    for name in ("errors.md", "commands.md"):
        text = (DOCS / name).read_text()
        for code in Exit:
            assert f"| {code.value} | {code.meaning} |" in text


def test_every_verb_and_option_is_documented() -> None:
    text = (DOCS / "commands.md").read_text()
    headings = re.findall(r"^## `hms_backup (\w+)", text, re.MULTILINE)

    assert headings == list(verbs())
    for verb, parser in verbs().items():
        heading = next(
            line for line in text.splitlines() if line.startswith(f"## `hms_backup {verb}")
        )
        described = section(text, heading)
        assert f"manage.py hms_backup {verb}" in described, "an example"
        rows = re.findall(r"^\| (`-.*?) \|", described, re.MULTILINE)
        documented = set(re.findall(r"--([a-z-]+)", " ".join(rows)))
        options = {
            option.removeprefix("--")
            for action in parser._actions
            for option in action.option_strings
            if option.startswith("--")
        }
        assert documented == options - GENERAL - {"json"}, verb


def test_documents_link_to_places_that_exist() -> None:
    for document in DOCS.glob("*.md"):
        for target, anchor in re.findall(
            r"\]\(([\w/.-]+\.md)?(?:#([\w-]+))?\)", document.read_text()
        ):
            place = DOCS / target if target else document
            assert place.exists(), f"{document.name}: {target}"
            headings = re.findall(r"^#+ (.*)$", place.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert not anchor or anchor in slugs, f"{document.name}: {target}#{anchor}"
