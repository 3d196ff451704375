"""Which tables form a subsystem, and which subsystems form a department."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model

from .exceptions import ConfigurationError, UnknownScope

type_of_model = type[Model] | str


class ScopeKind(enum.StrEnum):
    """What a backup covers; the values are the ones ``metadata.json`` uses."""

    SUBSYSTEM = "subsystem"
    DEPARTMENT = "department"


@dataclass(frozen=True, slots=True)
class Subsystem:
    """A named group of models that is backed up and restored together.

    ``models`` holds model classes or ``"app_label.Model"`` strings. ``aliases`` are further ids
    by which it can be addressed and under which older archives may have been written.
    """

    id: str
    name: str
    models: tuple[type_of_model, ...]
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", tuple(self.models))
        object.__setattr__(self, "aliases", tuple(self.aliases))

    @property
    def tables(self) -> tuple[str, ...]:
        """The database tables of its models, in the order they were named."""
        return tuple(resolve_model(model)._meta.db_table for model in self.models)


@dataclass(frozen=True, slots=True)
class Department:
    """A named group of subsystems."""

    id: str
    name: str
    subsystems: tuple[Subsystem, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "subsystems", tuple(self.subsystems))


@dataclass(frozen=True, slots=True)
class Scope:
    """What one operation covers: a whole department, or one subsystem of it."""

    kind: ScopeKind
    id: str
    name: str
    department: Department
    subsystems: tuple[Subsystem, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of all its subsystems."""
        return tuple(table for each in self.subsystems for table in each.tables)

    @property
    def title(self) -> str:
        """The id and the name, as people read it."""
        return f"{self.id} · {self.name}"

    @property
    def whole_department(self) -> Scope:
        """The scope of the department that it is, or is part of."""
        department = self.department
        return Scope(
            ScopeKind.DEPARTMENT,
            department.id,
            department.name,
            department,
            department.subsystems,
        )

    def covers(self, kind: str, target_id: str) -> bool:
        """Whether an archive written for (``kind``, ``target_id``) is one of this scope."""
        ids = {self.id.casefold()}
        if self.kind is ScopeKind.SUBSYSTEM:
            ids |= {alias.casefold() for alias in self.subsystems[0].aliases}
        return kind == self.kind and target_id.casefold() in ids


def resolve_model(model: type_of_model) -> type[Model]:
    """Return the model class. Raise `ConfigurationError` for a name no installed app has."""
    if not isinstance(model, str):
        return model
    try:
        return apps.get_model(model)
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"No installed app has a model {model!r}.",
            hint="Write it as 'app_label.Model' and check INSTALLED_APPS.",
        ) from error


class Registry:
    """The departments a project registered; one instance, `registry`, serves the project."""

    def __init__(self) -> None:
        self._departments: dict[str, Department] = {}
        self._excluded: list[type_of_model] = []
        self._protected: list[type_of_model] = []

    def register(
        self,
        *departments: Department,
        exclude: Iterable[type_of_model] = (),
        protect: Iterable[type_of_model] = (),
    ) -> None:
        """Add departments.

        ``exclude`` names models of the registering app that deliberately belong to no subsystem;
        ``protect`` names models that no backup may contain, whoever registers them.

        Raises `ConfigurationError` when an id is taken; ids are compared without regard to case.
        """
        for department in departments:
            self._check_ids(department)
            self._departments[department.id.casefold()] = department
        self._excluded.extend(exclude)
        self._protected.extend(protect)

    def unregister(self, department_id: str) -> None:
        """Remove a department. Raises `UnknownScope` if it is not registered."""
        if self._departments.pop(department_id.casefold(), None) is None:
            raise UnknownScope(f"No department {department_id!r} is registered.")

    def _check_ids(self, department: Department) -> None:
        taken_departments = set(self._departments)
        taken_subsystems = {
            name.casefold() for each in self.subsystems() for name in (each.id, *each.aliases)
        }
        if department.id.casefold() in taken_departments:
            raise ConfigurationError(f"Department id {department.id!r} is registered twice.")
        for subsystem in department.subsystems:
            for name in (subsystem.id, *subsystem.aliases):
                if name.casefold() in taken_subsystems:
                    raise ConfigurationError(f"Subsystem id {name!r} is registered twice.")
                taken_subsystems.add(name.casefold())

    def departments(self) -> tuple[Department, ...]:
        """All departments, in the order they were registered."""
        return tuple(self._departments.values())

    def subsystems(self) -> Iterator[Subsystem]:
        """All subsystems of all departments."""
        for department in self._departments.values():
            yield from department.subsystems

    def excluded_models(self) -> frozenset[type[Model]]:
        """Models that a registration said belong to no subsystem."""
        return frozenset(resolve_model(model) for model in self._excluded)

    def protected_models(self) -> frozenset[type[Model]]:
        """Models that a registration said no backup may contain."""
        return frozenset(resolve_model(model) for model in self._protected)

    def references(self) -> Iterator[tuple[str, type_of_model]]:
        """Every model that a registration names, unresolved, with where it names it."""
        for subsystem in self.subsystems():
            yield from ((f"Subsystem {subsystem.id}", model) for model in subsystem.models)
        yield from (("register(exclude=…)", model) for model in self._excluded)
        yield from (("register(protect=…)", model) for model in self._protected)

    def department(self, department_id: str) -> Scope:
        """Return the scope of a whole department. Raises `UnknownScope`."""
        found = self._departments.get(department_id.casefold())
        if found is None:
            raise self._unknown(
                "department", department_id, [each.id for each in self.departments()]
            )
        return Scope(ScopeKind.DEPARTMENT, found.id, found.name, found, found.subsystems)

    def subsystem(self, subsystem_id: str) -> Scope:
        """Return the scope of one subsystem, by id or alias. Raises `UnknownScope`."""
        wanted = subsystem_id.casefold()
        for department in self.departments():
            for each in department.subsystems:
                if wanted in {name.casefold() for name in (each.id, *each.aliases)}:
                    return Scope(ScopeKind.SUBSYSTEM, each.id, each.name, department, (each,))
        raise self._unknown("subsystem", subsystem_id, [each.id for each in self.subsystems()])

    def subsystem_of(self, model: type[Model]) -> Scope | None:
        """Return the scope of the subsystem that backs up the model's table; None if none does."""
        table = model._meta.db_table
        for each in self.subsystems():
            if table in each.tables:
                return self.subsystem(each.id)
        return None

    def scope(self, scope_id: str) -> Scope:
        """Return the scope of that id, a department's before a subsystem's alias.

        Raises `UnknownScope`, suggesting the nearest id.
        """
        for find in (self.department, self.subsystem):
            try:
                return find(scope_id)
            except UnknownScope:
                continue
        ids = [each.id for each in self.departments()] + [each.id for each in self.subsystems()]
        raise self._unknown("department or subsystem", scope_id, ids)

    def scopes(self) -> Iterator[Scope]:
        """Every scope there is: each department followed by its subsystems."""
        for department in self.departments():
            yield self.department(department.id)
            for each in department.subsystems:
                yield self.subsystem(each.id)

    @staticmethod
    def _unknown(what: str, given: str, known: list[str]) -> UnknownScope:
        lowered = {each.casefold(): each for each in known}
        close = difflib.get_close_matches(given.casefold(), lowered, n=1, cutoff=0.5)
        if close:
            hint = f"Did you mean {lowered[close[0]]}?"
        else:
            hint = f"Known ids: {', '.join(known) or 'none; no app registered a backups.py'}."
        return UnknownScope(f"There is no {what} {given[:80]!r}.", hint=hint)


registry = Registry()
"""The project's registry, filled by each installed app's ``backups.py``."""
