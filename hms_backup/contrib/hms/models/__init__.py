"""The hospital's tables as unmanaged models, a module per subsystem.

A live installation's tables may hold columns that no model here declares; backups carry them all
the same, because they read the catalogue and not the models.

What deleting a row does is the database's own rule, said to Django so that the admin's preview is
honest: ``ON DELETE CASCADE`` and ``SET NULL`` as such, and ``NO ACTION`` as ``RESTRICT``, which
allows exactly what the database would: a row may go when those that refer to it go with it.
"""

from __future__ import annotations

from .ct1_patient_access import (
    Appointment,
    Patient,
)
from .ct2_clinical_operations import (
    LabOrder,
    Prescription,
)
from .ct3_health_records_and_beds import (
    Bed,
    MedicalRecord,
)
from .fin1_billing_and_accounts import (
    BankAccount,
    BillingRecord,
    CashTransaction,
    Collection,
    GeneratedReport,
    LedgerAccount,
    Receivable,
    Vendor,
    VendorInvoice,
    VendorPayment,
)
from .hr1_talent_acquisition import (
    Applicant,
    Interview,
    Onboarding,
    Vacancy,
)
from .hr2_talent_development import (
    Competency,
    StaffCompetency,
    Training,
    TrainingParticipant,
)
from .hr3_workforce_operations import (
    AttendanceLog,
    LeaveRequest,
    StaffSchedule,
)
from .hr4_compensation_and_analytics import (
    CompensationRecord,
    PayrollRecord,
    SalaryGrade,
)
from .log1_inventory_and_assets import (
    Asset,
    AssetMaintenanceLog,
    Dispensing,
    InventoryItem,
)
from .log2_fleet_and_procurement import (
    Driver,
    FleetCost,
    FleetDispatch,
    FleetVehicle,
    LogisticsDocument,
    PurchaseOrder,
    PurchaseOrderItem,
    Supplier,
)
from .shared import (
    User,
)

__all__ = [
    "Applicant",
    "Appointment",
    "Asset",
    "AssetMaintenanceLog",
    "AttendanceLog",
    "BankAccount",
    "Bed",
    "BillingRecord",
    "CashTransaction",
    "Collection",
    "CompensationRecord",
    "Competency",
    "Dispensing",
    "Driver",
    "FleetCost",
    "FleetDispatch",
    "FleetVehicle",
    "GeneratedReport",
    "Interview",
    "InventoryItem",
    "LabOrder",
    "LeaveRequest",
    "LedgerAccount",
    "LogisticsDocument",
    "MedicalRecord",
    "Onboarding",
    "Patient",
    "PayrollRecord",
    "Prescription",
    "PurchaseOrder",
    "PurchaseOrderItem",
    "Receivable",
    "SalaryGrade",
    "StaffCompetency",
    "StaffSchedule",
    "Supplier",
    "Training",
    "TrainingParticipant",
    "User",
    "Vacancy",
    "Vendor",
    "VendorInvoice",
    "VendorPayment",
]
