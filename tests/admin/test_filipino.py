"""Everything an administrator sees is there in Filipino."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.utils.translation import override

import hms_backup
from hms_backup.contrib.hms.models import Applicant
from hms_backup.pages import phrases
from tests.support import run_sql

from .conftest import Browser
from .journeys import ADMIN, download, preview_address, text

PACKAGE = Path(hms_backup.__file__).parent
CATALOGUE = PACKAGE / "locale" / "fil" / "LC_MESSAGES" / "django.mo"


@pytest.fixture(scope="module")
def known() -> set[str]:
    """The texts that the compiled catalogue has."""
    with CATALOGUE.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    keys = vars(catalogue)["_catalog"]
    return {key if isinstance(key, str) else key[0] for key in keys}


def test_every_text_of_the_templates_is_translated(known: set[str]) -> None:
    texts: set[str] = set()
    for template in (PACKAGE / "templates").rglob("*.html"):
        content = template.read_text()
        texts |= set(re.findall(r'{% translate "([^"]+)"', content))
        for block in re.findall(
            r"{% blocktranslate[^%]*%}(.*?)(?:{% plural %}|{% endblocktranslate %})",
            content,
            re.DOTALL,
        ):
            texts.add(re.sub(r"{{ (\w+) }}", r"%(\1)s", block))

    assert len(texts) > 100
    assert texts - known == set()


def test_every_text_of_the_pages_code_is_translated(known: set[str]) -> None:
    sources = [*(PACKAGE / "pages").glob("*.py"), *(PACKAGE / "admin").glob("*.py")]
    sources += [PACKAGE / "forms.py", PACKAGE / "models.py", PACKAGE / "apps.py"]
    sources += [PACKAGE / "templatetags" / "hms_backup_pages.py"]
    sources += (PACKAGE / "contrib" / "hms").rglob("*.py")
    texts = {text for path in sources for text in _marked(path)}

    assert len(texts) > 150
    assert texts - known == set()


def _marked(source: Path) -> Iterator[str]:
    """The texts that a module marks for translation, however its lines are broken."""
    for node in ast.walk(ast.parse(source.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("_", "_now")
        ):
            (text,) = node.args
            assert isinstance(text, ast.Constant), f"{source.name}:{node.lineno}"
            yield str(text.value)


def test_problems_and_errors_read_differently_in_filipino() -> None:
    english = [str(title) for title, _advice in phrases.PROBLEMS.values()]
    with override("fil"):
        filipino = [str(title) for title, _advice in phrases.PROBLEMS.values()]

    assert not set(english) & set(filipino)


def test_every_model_of_the_hospital_is_named_in_filipino(known: set[str]) -> None:
    names = {
        str(name)
        for model in apps.get_app_config("hms").get_models()
        for name in (model._meta.verbose_name_raw, model._meta.verbose_name_plural)
    }

    assert len(names) >= 2 * 43 - 1
    assert names - known == set()


def test_pages_of_the_hospitals_rows_read_in_filipino(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    with override("fil"):
        listed = text(client.get("/admin/hms/applicant/"))
        row = text(client.get(f"/admin/hms/applicant/{Applicant.objects.latest('pk').pk}/change/"))

    assert "I-backup ang subsystem ng mga row na ito" in listed
    assert "I-export ang mga napiling row" in listed
    assert "Mga kaugnay na row" in row
    assert "Related rows" not in row


def test_preview_reads_in_filipino(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("DELETE FROM interviews")

    with override("fil"):
        overview = text(client.get(ADMIN))
        preview = text(client.get(preview_address(client, archive)))

    assert "I-backup ang HR1 …" in overview
    assert "Ang magbabago" in preview
    assert "I-restore na ang HR1" in preview
    assert "What would change" not in preview


def test_refused_department_names_what_is_missing_in_filipino(browser: Browser) -> None:
    with override("fil"):
        page = text(browser("hr_piecewise").get(f"{ADMIN}department/HR/restore/"))

    assert "Hindi ka maaaring mag-restore ng buong HR · Human Resources." in page
    assert "Kulang ang karapatan sa HR1 · Talent Acquisition, HR2" in page
    assert "You may not" not in page


def test_error_says_what_to_do_in_filipino_and_the_detail_in_marked_english(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")

    with override("fil"):
        response = client.get(preview_address(client, b"not a backup"))

    assert "Pumili ng ibang kopya ng file" in text(response)
    assert re.search(r'lang="en">[^<]*not a whole .hms-backup', response.content.decode())
