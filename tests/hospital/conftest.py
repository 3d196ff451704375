"""The people and browsers of the admin's tests, for the hospital's own pages in it."""

from __future__ import annotations

from tests.admin.conftest import _private_folder, browser

__all__ = ["_private_folder", "browser"]
