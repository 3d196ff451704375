"""The documents show pictures that there are, and that the browser tests take."""

from __future__ import annotations

import re

from tests.browser.pictures import LOOKS, PAGES
from tests.support import ROOT


def test_every_picture_shown_is_there_and_no_other() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {
        name
        for document in documents
        for name in re.findall(r"images/([\w-]+)\.png", document.read_text())
    }

    assert len(shown) > 5
    assert shown == {path.stem for path in (ROOT / "docs" / "images").iterdir()}
    assert shown <= {f"{page}-{look}" for page in PAGES for look in LOOKS}
