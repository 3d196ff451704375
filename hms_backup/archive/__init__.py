"""The ``.hms-backup`` file and nothing of databases: see docs/format.md."""

from .manifest import Manifest, Member
from .reader import ArchiveReader, Limits
from .writer import ArchiveWriter

__all__ = ["ArchiveReader", "ArchiveWriter", "Limits", "Manifest", "Member"]
