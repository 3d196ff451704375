"""Everybody who can sign in to the example, and what each may back up and restore, in full."""

from __future__ import annotations

from dataclasses import dataclass

from tests.people import DEPARTMENTS

PASSWORD = "hospital"

SUPER = "super.admin"
NURSE = "nurse"

DEPARTMENT_ADMINS = {
    "hr.admin": "HR",
    "core.admin": "CORE_TRANSACTION",
    "logistics.admin": "LOGISTICS",
    "financials.admin": "FINANCIALS",
}
SUBSYSTEM_ADMINS = {
    f"{subsystem.lower()}.admin": subsystem
    for subsystems in DEPARTMENTS.values()
    for subsystem in subsystems
}

NAMES = {
    "HR": "Human Resources",
    "CORE_TRANSACTION": "Core Transaction",
    "LOGISTICS": "Logistics",
    "FINANCIALS": "Financials",
}
"""What the buttons call a department; a subsystem is called by its id."""

DAMAGE = {
    "HR1": "UPDATE applicants SET status = 'Lost'",
    "HR2": "UPDATE trainings SET trainer = 'nobody'",
    "HR3": "DELETE FROM staff_schedules",
    "HR4": "UPDATE payroll_records SET status = 'Lost'",
    "CT1": "UPDATE appointments SET room_number = '0'",
    "CT2": "DELETE FROM prescriptions",
    "CT3": "UPDATE medical_records SET diagnosis = ''",
    "LOG1": "UPDATE inventory SET quantity = -1",
    "LOG2": "DELETE FROM po_items",
    "FIN1": "UPDATE general_ledger SET account_name = 'Lost'",
}
"""An accident in each subsystem."""

ACCOUNTS = (SUPER, *DEPARTMENT_ADMINS, *SUBSYSTEM_ADMINS, NURSE)


def permitted(username: str) -> set[str]:
    """The ids of everything somebody may back up and restore."""
    if username == SUPER:
        return {*DEPARTMENTS, *SUBSYSTEM_ADMINS.values()}
    if username in DEPARTMENT_ADMINS:
        department = DEPARTMENT_ADMINS[username]
        return {department, *DEPARTMENTS[department]}
    if username == "fin1.admin":  # FIN1 is all there is of the Financials
        return {"FINANCIALS", "FIN1"}
    return {SUBSYSTEM_ADMINS[username]} if username in SUBSYSTEM_ADMINS else set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What somebody backs up and restores, and where they do it."""

    username: str
    kind: str
    id: str
    start: str
    """The page on which they begin."""

    @property
    def label(self) -> str:
        """What the buttons call it."""
        return NAMES.get(self.id, self.id)

    @property
    def damage(self) -> list[str]:
        """Statements that harm it."""
        return [DAMAGE[each] for each in DEPARTMENTS.get(self.id, (self.id,))]


ADMIN = "/admin/hms_backup/datamanagement/"

JOURNEYS = (
    Journey(username=SUPER, kind="department", id="LOGISTICS", start=ADMIN),
    Journey(username=SUPER, kind="subsystem", id="CT3", start="/core_transaction/ct3/"),
    *(
        Journey(username=name, kind="department", id=id, start=f"/{id.lower()}/")
        for name, id in DEPARTMENT_ADMINS.items()
    ),
    *(
        Journey(username=name, kind="subsystem", id=id, start=ADMIN)
        for name, id in SUBSYSTEM_ADMINS.items()
    ),
)
