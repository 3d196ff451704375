"""Back up and restore a hospital's subsystems and departments, provably and without surprises.

In an app's ``backups.py``::

    from hms_backup import Department, Subsystem, register

    register(Department("LAB", "Laboratory", [Subsystem("LAB1", "Samples", [Sample, Result])]))

Importing this package needs neither configured settings nor loaded apps; what needs them is
imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from .exceptions import HmsBackupError
from .plan import Mode
from .registry import Department, Subsystem
from .registry import registry as _registry

if TYPE_CHECKING:
    from .api import (
        Actor,
        RestoreOptions,
        export_department_data,
        export_subsystem_data,
        import_department_data,
        import_subsystem_data,
    )

__all__ = [
    "Actor",
    "Department",
    "HmsBackupError",
    "Mode",
    "RestoreOptions",
    "Subsystem",
    "__version__",
    "export_department_data",
    "export_subsystem_data",
    "import_department_data",
    "import_subsystem_data",
    "register",
]

__version__ = "0.1.0"

register = _registry.register

_LAZY = frozenset(
    {
        "Actor",
        "RestoreOptions",
        "export_department_data",
        "export_subsystem_data",
        "import_department_data",
        "import_subsystem_data",
    }
)


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(".api", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
