"""The example project's settings, with room for a million rows."""

from __future__ import annotations

from example_project.settings import *  # noqa: F403 - a settings module is its parent's names
from example_project.settings import HMS_BACKUP

GIBIBYTE = 1024**3
HMS_BACKUP.update(MAX_ARCHIVE_BYTES=4 * GIBIBYTE, MAX_EXPANDED_BYTES=16 * GIBIBYTE)
