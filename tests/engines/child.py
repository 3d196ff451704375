"""Backs up or restores in a process of its own and stops at a step, for a test to end it there.

``python -m tests.engines.child export|restore SCOPE FILE [STEP]`` writes the step's name to
standard output when it gets there, and then waits on standard input. Without a step it ends with
the result, or with the error's code on standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django


def main(verb: str, scope_id: str, file: str, stop_at: str = "") -> None:
    """Run ``verb``; exit with status 1 for an error that was raised on purpose."""
    django.setup()
    from hms_backup.archive import ArchiveReader, Limits
    from hms_backup.conf import get_settings
    from hms_backup.exceptions import HmsBackupError
    from hms_backup.export import export_scope
    from hms_backup.registry import registry
    from hms_backup.restore import RestoreOptions, apply_restore

    def progress(step: str, table: str, done: int, total: int | None) -> None:
        if step == stop_at:
            print(step, flush=True)
            sys.stdin.readline()

    scope, path = registry.scope(scope_id), Path(file)
    try:
        if verb == "export":
            export_scope(scope, path, settings=get_settings(), progress=progress)
        else:
            with ArchiveReader.open(path, Limits()) as reader:
                options = RestoreOptions(fire_triggers=True)
                apply_restore(reader, scope, options, settings=get_settings(), progress=progress)
    except HmsBackupError as error:
        sys.exit(error.code)


if __name__ == "__main__":
    main(*sys.argv[1:])
