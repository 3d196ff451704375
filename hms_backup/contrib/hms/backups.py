"""The hospital's departments and subsystems: what a backup of each holds."""

from __future__ import annotations

from hms_backup.registry import Department, Subsystem, registry

from . import models

registry.register(
    Department(
        "HR",
        "Human Resources",
        (
            Subsystem(
                "HR1",
                "Talent Acquisition",
                (models.Applicant, models.Vacancy, models.Interview, models.Onboarding),
            ),
            Subsystem(
                "HR2",
                "Talent Development",
                (
                    models.Competency,
                    models.StaffCompetency,
                    models.Training,
                    models.TrainingParticipant,
                ),
            ),
            Subsystem(
                "HR3",
                "Workforce Operations",
                (models.AttendanceLog, models.LeaveRequest, models.StaffSchedule),
            ),
            Subsystem(
                "HR4",
                "Compensation & Analytics",
                (models.SalaryGrade, models.CompensationRecord, models.PayrollRecord),
            ),
        ),
    ),
    Department(
        "CORE_TRANSACTION",
        "Core Transaction",
        (
            Subsystem("CT1", "Patient Access", (models.Patient, models.Appointment)),
            Subsystem("CT2", "Clinical Operations", (models.LabOrder, models.Prescription)),
            Subsystem("CT3", "Health Records & Beds", (models.MedicalRecord, models.Bed)),
        ),
    ),
    Department(
        "LOGISTICS",
        "Logistics",
        (
            Subsystem(
                "LOG1",
                "Inventory & Assets",
                (models.InventoryItem, models.Dispensing, models.Asset, models.AssetMaintenanceLog),
            ),
            Subsystem(
                "LOG2",
                "Fleet & Procurement",
                (
                    models.FleetVehicle,
                    models.Driver,
                    models.FleetDispatch,
                    models.FleetCost,
                    models.Supplier,
                    models.PurchaseOrder,
                    models.PurchaseOrderItem,
                    models.LogisticsDocument,
                ),
            ),
        ),
    ),
    Department(
        "FINANCIALS",
        "Financials",
        (
            Subsystem(
                "FIN1",
                "Billing & Accounts",
                (
                    models.BillingRecord,
                    models.LedgerAccount,
                    models.Vendor,
                    models.VendorInvoice,
                    models.VendorPayment,
                    models.Receivable,
                    models.Collection,
                    models.BankAccount,
                    models.CashTransaction,
                    models.GeneratedReport,
                ),
                aliases=("FINANCIALS",),
            ),
        ),
    ),
    protect=[models.User],
)
