"""The hospital's own pages: a hub for each department, a page for each subsystem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import capfirst

from hms_backup.exceptions import UnknownScope
from hms_backup.registry import Scope, registry, resolve_model

from .accounts import PASSWORD, accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """One kind of record that a subsystem keeps."""

    name: str
    rows: int


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The way to each department."""
    return render(request, "hospital/home.html", {"departments": registry.departments()})


@login_required
def department(request: HttpRequest, department_id: str) -> HttpResponse:
    """A department's hub: its subsystems, and Data Management for those who may."""
    scope = _scope_or_404(registry.department, department_id)
    return render(request, "hospital/department.html", {"scope": scope})


@login_required
def subsystem(request: HttpRequest, department_id: str, subsystem_id: str) -> HttpResponse:
    """A subsystem's page: what it keeps, and Data Management for those who may."""
    scope = _scope_or_404(registry.subsystem, subsystem_id)
    if scope.department.id.casefold() != department_id.casefold():
        raise Http404
    context = {"scope": scope, "records": [_records(model) for model in _models(scope)]}
    return render(request, "hospital/subsystem.html", context)


class SignIn(LoginView):
    """The sign-in, which tells visitors of the example whom they can be."""

    extra_context = (
        {"accounts": accounts, "password": PASSWORD} if settings.DEBUG else {"accounts": ()}
    )


def _scope_or_404(find: Callable[[str], Scope], id: str) -> Scope:
    try:
        return find(id)
    except UnknownScope as error:
        raise Http404(error.message) from error


def _models(scope: Scope) -> list[type[Model]]:
    return [resolve_model(model) for each in scope.subsystems for model in each.models]


def _records(model: type[Model]) -> Records:
    return Records(
        name=capfirst(str(model._meta.verbose_name_plural)), rows=model._default_manager.count()
    )
