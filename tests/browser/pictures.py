"""Which pictures of the pages are taken, and how the browser looks at them."""

from __future__ import annotations

from typing import Any

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
PAGES = (
    "sign-in", "home", "subsystem-hub", "backup-dialog", "backup-done", "department-hub",
    "data-management", "restore-dialog", "preview", "changes", "preview-options",
    "preview-problems", "result", "audit-entry", "audit-log", "subsystem", "refused",
    "rows", "row", "row-export", "not-a-backup",
)  # fmt: skip
"""The pictures, in the order they are taken."""
