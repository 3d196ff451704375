"""Staff and human resources."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import factory
from factory.django import DjangoModelFactory
from factory.random import randgen

from hms_backup.contrib.hms import models

from ..vocabulary import FIRST_NAMES, LAST_NAMES, POSITIONS, SKILLS, WEEKDAYS
from .draw import (
    TODAY,
    day,
    drawn,
    email_of,
    moment,
    money,
    one_of,
    person,
    phone,
    sometimes,
    whole,
)


class UserFactory(DjangoModelFactory[models.User]):
    """A member of staff."""

    class Meta:
        model = models.User

    full_name = drawn(person)
    username = factory.Sequence(lambda n: f"staff.{n:05d}")
    email = factory.LazyAttributeSequence(lambda user, n: email_of(user.full_name, n))
    password_hash = factory.Sequence(lambda n: f"scrypt:32768:8:1$example${n:064x}")
    subsystem = one_of("HR1", "HR2", "HR3", "HR4", "CT1", "CT2", "CT3", "LOG1", "LOG2", "FIN1")
    department = factory.LazyAttribute(lambda user: department_of(user.subsystem))
    role = one_of("Staff", "Staff", "Nurse", "Doctor", "Admin")
    password_created_at = drawn(moment, -80, -1)
    password_expires_at = factory.LazyAttribute(
        lambda user: user.password_created_at + dt.timedelta(days=90)
    )
    password_history = factory.LazyAttribute(lambda user: [{"hash": user.password_hash, "n": 1}])
    failed_login_attempts = one_of(0, 0, 0, 1, 4)
    last_login = drawn(sometimes, moment)
    created_at = drawn(moment, -1500, -90)
    status = one_of("Active", "Active", "Active", "Pending", None)
    avatar_url = one_of(None, "", "https://cdn.hospital.example/avatars/default.png")


def department_of(subsystem: str) -> str:
    """The department a subsystem belongs to."""
    prefixes = {"HR": "HR", "CT": "CORE_TRANSACTION", "LOG": "LOGISTICS", "FIN": "FINANCIALS"}
    return prefixes[subsystem.rstrip("0123456789")]


class VacancyFactory(DjangoModelFactory[models.Vacancy]):
    """A position to fill."""

    class Meta:
        model = models.Vacancy

    position_name = one_of(*POSITIONS)
    department = one_of("HR", "CORE_TRANSACTION", "LOGISTICS", "FINANCIALS")
    reason = one_of("Replacement", "New position", "Seasonal demand", None)
    requirements = one_of(
        'PRC license; "ICU" ≥ 2 years', "NC II certificate\nNBI clearance", None, ""
    )
    qualifications = one_of("Bachelor's degree", "Willing to work on shifts", None)
    status = one_of("Open", "Open", "Filled", "On hold")
    created_at = drawn(moment)
    approved_by = factory.SubFactory(UserFactory)


class ApplicantFactory(DjangoModelFactory[models.Applicant]):
    """Someone who applied for a vacancy."""

    class Meta:
        model = models.Applicant

    first_name = one_of(*FIRST_NAMES)
    last_name = one_of(*LAST_NAMES)
    email = factory.LazyAttributeSequence(
        lambda one, n: randgen.choice((email_of(one.last_name, n), None, ""))
    )
    phone = drawn(sometimes, phone)
    source = one_of("Walk-in", "Referral", "Job fair", "Website", None)
    status = one_of("Screening", "Initial Interview", "Final Interview", "Offer", "Hired")
    documents = factory.LazyFunction(lambda: applicant_documents())
    created_at = drawn(moment)
    vacancy = factory.SubFactory(VacancyFactory)


def applicant_documents() -> list[dict[str, Any]] | None:
    """Uploaded files as the hospital's front end lists them."""
    if randgen.random() < 0.15:
        return None
    names = ("résumé.pdf", "PRC license.jpg", 'letter "final".docx', "C:\\scan\\diploma.tif")
    return [
        {"name": names[i], "pages": whole(1, 9), "checked": randgen.choice((True, False, None))}
        for i in range(whole(0, len(names)))
    ]


class InterviewFactory(DjangoModelFactory[models.Interview]):
    """A meeting with an applicant."""

    class Meta:
        model = models.Interview

    applicant = factory.SubFactory(ApplicantFactory)
    interviewer = factory.SubFactory(UserFactory)
    interview_date = drawn(moment, -120, 30)
    location = one_of("Room 2\\B", "HR conference room", "Online", None)
    notes = one_of("Strong candidate.\nSecond line\twith tab", "No show", None, "")
    status = one_of("Scheduled", "Completed", "Cancelled")
    created_at = drawn(moment)


class OnboardingFactory(DjangoModelFactory[models.Onboarding]):
    """A hired applicant's first steps."""

    class Meta:
        model = models.Onboarding

    applicant = factory.SubFactory(ApplicantFactory)
    position = factory.LazyAttribute(lambda one: one.applicant.vacancy)
    start_date = drawn(day, 0, 60)
    status = one_of("Pending", "In progress", "Completed")
    created_at = drawn(moment)


class CompetencyFactory(DjangoModelFactory[models.Competency]):
    """A skill that a role asks for."""

    class Meta:
        model = models.Competency

    role = one_of(*POSITIONS)
    skill_name = one_of(*SKILLS)
    description = one_of("Renewed every two years", None, "")


class StaffCompetencyFactory(DjangoModelFactory[models.StaffCompetency]):
    """How well a member of staff has a skill."""

    class Meta:
        model = models.StaffCompetency

    user = factory.SubFactory(UserFactory)
    competency = factory.SubFactory(CompetencyFactory)
    assessor = factory.SubFactory(UserFactory)
    assessment_date = drawn(day)
    level = one_of("Novice", "Competent", "Proficient", "Expert", None)


class TrainingFactory(DjangoModelFactory[models.Training]):
    """A course or seminar."""

    class Meta:
        model = models.Training

    title = factory.Sequence(lambda n: f"{SKILLS[n % len(SKILLS)]}, batch {n + 1}")
    type = one_of("Seminar", "Workshop", "E-learning", None)
    schedule_date = drawn(moment, -60, 120)
    description = one_of("With return demonstration", None)
    location = one_of("Training room A", "Auditorium", "Online", None)
    trainer = drawn(sometimes, person)
    target_department = one_of("All", "HR", "CORE_TRANSACTION", "LOGISTICS")
    max_participants = one_of(20, 40, 100, None)
    materials_url = one_of(None, "https://lms.hospital.example/c/1?batch=2&x=%20")
    status = one_of("Scheduled", "Ongoing", "Completed")


class TrainingParticipantFactory(DjangoModelFactory[models.TrainingParticipant]):
    """A member of staff enrolled in a training."""

    class Meta:
        model = models.TrainingParticipant

    training = factory.SubFactory(TrainingFactory)
    user = factory.SubFactory(UserFactory)
    enrolled_at = drawn(moment, -60, 0)
    attendance_status = one_of("Enrolled", "Attended", "Absent")


class AttendanceLogFactory(DjangoModelFactory[models.AttendanceLog]):
    """One clock-in and clock-out."""

    class Meta:
        model = models.AttendanceLog

    user = factory.SubFactory(UserFactory)
    clock_in = drawn(moment, -30, -1)
    clock_out = factory.LazyAttribute(
        lambda log: log.clock_in + dt.timedelta(hours=8, seconds=whole(0, 9000))
    )
    status = one_of("Present", "Late", "Undertime")
    remarks = one_of(None, None, "", "Brownout: logged by hand")
    overtime_hours = drawn(money, 0, 4)


class LeaveRequestFactory(DjangoModelFactory[models.LeaveRequest]):
    """A request for leave on its way, or decided."""

    class Meta:
        model = models.LeaveRequest

    class Params:
        decider = None
        decided = drawn(lambda: randgen.random() < 0.5)
        decided_at = factory.LazyAttribute(
            lambda one: one.created_at + dt.timedelta(days=2, microseconds=1)
        )

    user = factory.SubFactory(UserFactory)
    leave_type = one_of("Vacation", "Sick", "Maternity", "Solo parent", "Emergency")
    start_date = drawn(day, -60, 60)
    end_date = factory.LazyAttribute(lambda one: one.start_date + dt.timedelta(days=whole(0, 10)))
    status = factory.LazyAttribute(
        lambda one: randgen.choice(("Approved", "Rejected")) if one.decided else "Pending"
    )
    remarks = one_of(None, "", "May lagnat ang anak ko 🤒")
    created_at = drawn(moment, -90, -3)
    workflow_step = factory.LazyAttribute(
        lambda one: "Completed" if one.decided else "Supervisor Review"
    )
    hr_validated = factory.SelfAttribute("decided")
    hr_validated_at = factory.LazyAttribute(lambda one: one.decided_at if one.decided else None)
    approved_by = factory.LazyAttribute(lambda one: one.decider if one.decided else None)
    hr_validated_by = factory.SelfAttribute("approved_by")
    final_decided_by = factory.SelfAttribute("approved_by")
    final_decision = factory.LazyAttribute(lambda one: one.status if one.decided else None)
    final_decided_at = factory.LazyAttribute(lambda one: one.decided_at if one.decided else None)


class StaffScheduleFactory(DjangoModelFactory[models.StaffSchedule]):
    """Hours on one day of the week."""

    class Meta:
        model = models.StaffSchedule

    user = factory.SubFactory(UserFactory)
    day_of_week = one_of(*WEEKDAYS)
    start_time = one_of(dt.time(6), dt.time(7, 30), dt.time(14), dt.time(22))
    end_time = factory.LazyAttribute(
        lambda one: one.start_time.replace(hour=(one.start_time.hour + 8) % 24)
    )
    created_at = drawn(moment)
    updated_at = drawn(moment)


class SalaryGradeFactory(DjangoModelFactory[models.SalaryGrade]):
    """A band of salaries."""

    class Meta:
        model = models.SalaryGrade

    grade_name = factory.Sequence(lambda n: f"SG-{n + 1}")
    min_salary = factory.Sequence(lambda n: Decimal(13_000 + 1_500 * n))
    max_salary = factory.LazyAttribute(lambda grade: grade.min_salary + Decimal("1499.99"))
    created_at = drawn(moment)


class CompensationRecordFactory(DjangoModelFactory[models.CompensationRecord]):
    """What a member of staff is paid."""

    class Meta:
        model = models.CompensationRecord

    user = factory.SubFactory(UserFactory)
    base_salary = drawn(money, 13_000, 120_000)
    allowances = drawn(money, 0, 8_000)
    bonuses = drawn(money, 0, 20_000)
    deductions = drawn(money, 0, 5_000)
    effective_date = drawn(day)
    status = one_of("Active", "Superseded")
    created_at = drawn(moment)


class PayrollRecordFactory(DjangoModelFactory[models.PayrollRecord]):
    """One pay slip."""

    class Meta:
        model = models.PayrollRecord

    user = factory.SubFactory(UserFactory)
    pay_period_start = factory.LazyFunction(lambda: TODAY - dt.timedelta(days=15 * whole(1, 24)))
    pay_period_end = factory.LazyAttribute(
        lambda slip: slip.pay_period_start + dt.timedelta(days=14)
    )
    base_salary = drawn(money, 6_500, 60_000)
    bonuses = drawn(money, 0, 2_000)
    deductions = drawn(money, 0, 3_000)
    gross_salary = factory.LazyAttribute(lambda slip: slip.base_salary + slip.bonuses)
    net_pay = factory.LazyAttribute(lambda slip: slip.gross_salary - slip.deductions)
    processed_date = drawn(moment)
    created_at = drawn(moment)
