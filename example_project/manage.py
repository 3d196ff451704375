#!/usr/bin/env python
"""Run a command of the example project."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Put the repository on the path, whatever the current folder, and let Django run."""
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
