"""A server's first requests read manifests in many threads at once."""

from __future__ import annotations

import subprocess
import sys

from tests.support import ROOT, child_environment

FIRST_USES = """
import importlib, sys, threading
from hms_backup.archive import manifest

text = manifest.to_json(manifest.Manifest(
    export_date="2026-03-01T00:00:00Z", scope="subsystem", target_id="HR1", version="1.0.0",
    members=(), format_version="2.0",
))
sys.setswitchinterval(1e-6)
for _ in range(60):
    importlib.reload(manifest)
    together = threading.Barrier(20)
    def read():
        together.wait()
        manifest.parse_manifest(text)
    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_manifest_is_read_by_many_threads_at_its_first_use() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FIRST_USES],
        cwd=ROOT,
        env={**child_environment(), "HMS_TEST_DATABASE_URL": "sqlite:///:memory:"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
