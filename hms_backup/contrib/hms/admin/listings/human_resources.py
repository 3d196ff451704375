"""Human Resources: its lists in the admin."""

from __future__ import annotations

from ... import models
from .listing import Listings, listing

LISTINGS: Listings = {
    # HR1
    models.Vacancy: listing(
        "position_name department status reason approved_by created_at",
        search="position_name department requirements qualifications",
        filters="status department",
        date="created_at",
        named_by="approved_by",
    ),
    models.Applicant: listing(
        "last_name first_name vacancy status source email phone",
        search="last_name first_name email phone vacancy__position_name",
        filters="status source",
        date="created_at",
        named_by="vacancy",
    ),
    models.Interview: listing(
        "applicant interviewer interview_date location status",
        search="applicant__last_name applicant__first_name interviewer__full_name location",
        filters="status",
        date="interview_date",
        named_by="applicant interviewer",
    ),
    models.Onboarding: listing(
        "applicant position start_date status",
        search="applicant__last_name applicant__first_name position__position_name",
        filters="status",
        date="start_date",
        named_by="applicant position",
    ),
    # HR2
    models.Competency: listing(
        "skill_name role description", search="skill_name role description", filters="role"
    ),
    models.StaffCompetency: listing(
        "user competency level assessment_date assessor",
        search="user__full_name competency__skill_name assessor__full_name",
        filters="level",
        date="assessment_date",
        named_by="user competency assessor",
    ),
    models.Training: listing(
        "title type schedule_date location trainer target_department status",
        search="title trainer location target_department",
        filters="status type target_department",
        date="schedule_date",
    ),
    models.TrainingParticipant: listing(
        "training user attendance_status enrolled_at",
        search="training__title user__full_name",
        filters="attendance_status",
        date="enrolled_at",
        named_by="training user",
    ),
    # HR3
    models.AttendanceLog: listing(
        "user clock_in clock_out status overtime_hours",
        search="user__full_name remarks",
        filters="status",
        date="clock_in",
        named_by="user",
    ),
    models.LeaveRequest: listing(
        "user leave_type start_date end_date status workflow_step approved_by",
        search="user__full_name leave_type remarks",
        filters="status leave_type workflow_step is_archived",
        date="start_date",
        named_by="user approved_by",
    ),
    models.StaffSchedule: listing(
        "user day_of_week start_time end_time is_active",
        search="user__full_name day_of_week",
        filters="day_of_week is_active",
        date="created_at",
        named_by="user",
    ),
    # HR4
    models.SalaryGrade: listing(
        "grade_name min_salary max_salary", search="grade_name", date="created_at"
    ),
    models.CompensationRecord: listing(
        "user base_salary allowances bonuses deductions effective_date status",
        search="user__full_name",
        filters="status",
        date="effective_date",
        named_by="user",
    ),
    models.PayrollRecord: listing(
        "user pay_period_start pay_period_end gross_salary net_pay status",
        search="user__full_name",
        filters="status",
        date="pay_period_start",
        named_by="user",
    ),
}
