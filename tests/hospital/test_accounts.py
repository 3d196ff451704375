"""The example's people have the same rights by their groups and by the hospital's own rule."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from example_project.demo import FAREWELL
from example_project.hospital.accounts import (
    DEPARTMENT_ADMINS,
    PASSWORD,
    accounts,
    create_accounts,
)
from hms_backup.contrib.hms import models as hms
from hms_backup.contrib.hms.policy import HospitalPolicy
from hms_backup.policy import PermissionPolicy, Policy, Right
from hms_backup.registry import ScopeKind, registry
from tests.browser.people import ACCOUNTS, permitted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("policy", [PermissionPolicy(), HospitalPolicy()], ids=["groups", "rule"])
def test_everybody_may_do_what_their_role_says(policy: Policy) -> None:
    create_accounts()

    for username in ACCOUNTS:
        user = User.objects.get(username=username)
        for right in Right:
            allowed = {each.id for each in registry.scopes() if policy.may(user, right, each)}
            assert allowed == permitted(username), username


def test_accounts_are_made_once_and_can_sign_in() -> None:
    create_accounts()
    create_accounts()

    assert {each.username for each in accounts()} == set(ACCOUNTS)
    assert User.objects.count() == hms.User.objects.count() == len(ACCOUNTS)
    assert authenticate(username="hr1.admin", password=PASSWORD) is not None


def test_demo_says_whom_one_can_be() -> None:
    for name in ("super.admin", *DEPARTMENT_ADMINS.values(), "hr1.admin", "fin1.admin", "nurse"):
        assert name in re.findall(r"[\w.]*\w", FAREWELL)
    assert f'"{PASSWORD}"' in FAREWELL


def test_administrator_of_a_department_is_told_from_that_of_its_only_subsystem() -> None:
    create_accounts()
    subsystem = User.objects.get(username="fin1.admin")

    titles = {
        each.title for each in accounts() if each.scope and each.scope.kind is ScopeKind.SUBSYSTEM
    }

    assert "administrator of FIN1 · Billing & Accounts" in titles
    assert list(subsystem.groups.values_list("name", flat=True)) == ["FIN1 administrators"]
