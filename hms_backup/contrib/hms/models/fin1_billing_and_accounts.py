"""FIN1, Billing & Accounts: bills, the ledger, vendors and bank accounts."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, today, wall_clock
from .ct1_patient_access import Patient
from .shared import User


class BillingRecord(models.Model):
    """A patient's bill."""

    id = models.AutoField(primary_key=True)
    patient = models.ForeignKey(
        Patient, on_delete=models.RESTRICT, null=True, blank=True, related_name="billing_records"
    )
    total_amount = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    status = models.CharField(max_length=50, null=True, blank=True, default="Unpaid")
    insurance_claim_status = models.CharField(max_length=50, null=True, blank=True)
    billing_date = WallClockField(null=True, blank=True, default=wall_clock)
    description = models.TextField(null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "billing_records"
        verbose_name = _("billing record")
        verbose_name_plural = _("billing records")

    def __str__(self) -> str:
        return f"{self.patient}: {self.total_amount}"


class LedgerAccount(models.Model):
    """One account of the general ledger."""

    id = models.AutoField(primary_key=True)
    account_code = models.CharField(max_length=20, null=True, blank=True, unique=True)
    account_name = models.CharField(max_length=100)
    balance = models.DecimalField(
        max_digits=15, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    last_updated = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "general_ledger"
        verbose_name = _("ledger account")
        verbose_name_plural = _("general ledger")

    def __str__(self) -> str:
        return f"{self.account_code} {self.account_name}"


class Vendor(models.Model):
    """A firm that the hospital pays."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=200)
    contact_person = models.CharField(max_length=100, null=True, blank=True)
    email = models.EmailField(max_length=100, null=True, blank=True)
    phone = models.CharField(max_length=20, null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Active")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "vendors"
        verbose_name = _("vendor")
        verbose_name_plural = _("vendors")

    def __str__(self) -> str:
        return self.name


class VendorInvoice(models.Model):
    """A bill from a vendor."""

    id = models.AutoField(primary_key=True)
    vendor = models.ForeignKey(
        Vendor, on_delete=models.RESTRICT, null=True, blank=True, related_name="vendor_invoices"
    )
    invoice_number = models.CharField(max_length=50, null=True, blank=True, unique=True)
    invoice_date = models.DateField(null=True, blank=True)
    due_date = models.DateField(null=True, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(max_length=50, null=True, blank=True, default="Unpaid")
    description = models.TextField(null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "vendor_invoices"
        verbose_name = _("vendor invoice")
        verbose_name_plural = _("vendor invoices")

    def __str__(self) -> str:
        return f"{self.invoice_number} of {self.vendor}"


class Receivable(models.Model):
    """What is still owed on a patient's bill."""

    id = models.AutoField(primary_key=True)
    billing = models.ForeignKey(
        BillingRecord, on_delete=models.RESTRICT, null=True, blank=True, related_name="receivables"
    )
    amount_due = models.DecimalField(max_digits=12, decimal_places=2)
    due_date = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Unpaid")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "receivables"
        verbose_name = _("receivable")
        verbose_name_plural = _("receivables")

    def __str__(self) -> str:
        return f"{self.amount_due} due {self.due_date}"


class BankAccount(models.Model):
    """An account that the hospital holds."""

    id = models.AutoField(primary_key=True)
    bank_name = models.CharField(max_length=100)
    account_number = models.CharField(max_length=50, unique=True)
    account_type = models.CharField(max_length=50, null=True, blank=True)
    balance = models.DecimalField(
        max_digits=15, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "bank_accounts"
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")

    def __str__(self) -> str:
        return f"{self.bank_name} {self.account_number}"


class VendorPayment(models.Model):
    """Money paid on a vendor's bill."""

    id = models.AutoField(primary_key=True)
    invoice = models.ForeignKey(
        VendorInvoice,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="vendor_payments",
    )
    payment_date = models.DateField(null=True, blank=True, default=today)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    payment_method = models.CharField(max_length=50, null=True, blank=True)
    reference_number = models.CharField(max_length=100, null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)
    account = models.ForeignKey(
        BankAccount,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="vendor_payments",
    )

    class Meta:
        managed = False
        db_table = "vendor_payments"
        verbose_name = _("vendor payment")
        verbose_name_plural = _("vendor payments")

    def __str__(self) -> str:
        return f"{self.amount} for {self.invoice}"


class Collection(models.Model):
    """Money received for a receivable."""

    id = models.AutoField(primary_key=True)
    receivable = models.ForeignKey(
        Receivable, on_delete=models.RESTRICT, null=True, blank=True, related_name="collections"
    )
    collection_date = WallClockField(null=True, blank=True, default=wall_clock)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    payment_method = models.CharField(max_length=50, null=True, blank=True)
    collected_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="collected_by",
        related_name="collections_as_collected_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)
    reference = models.CharField(max_length=100, null=True, blank=True)
    account = models.ForeignKey(
        BankAccount, on_delete=models.RESTRICT, null=True, blank=True, related_name="collections"
    )

    class Meta:
        managed = False
        db_table = "collections"
        verbose_name = _("collection")
        verbose_name_plural = _("collections")

    def __str__(self) -> str:
        return f"{self.amount} for {self.receivable}"


class CashTransaction(models.Model):
    """Money that came into or left a bank account."""

    id = models.AutoField(primary_key=True)
    account = models.ForeignKey(
        BankAccount,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="cash_transactions",
    )
    transaction_type = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    description = models.TextField(null=True, blank=True)
    transaction_date = WallClockField(null=True, blank=True, default=wall_clock)
    performed_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="performed_by",
        related_name="cash_transactions_as_performed_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "cash_transactions"
        verbose_name = _("cash transaction")
        verbose_name_plural = _("cash transactions")

    def __str__(self) -> str:
        return f"{self.transaction_type} {self.amount}"


class GeneratedReport(models.Model):
    """A report that someone had made."""

    id = models.AutoField(primary_key=True)
    report_name = models.CharField(max_length=200)
    report_type = models.CharField(max_length=50, null=True, blank=True)
    generated_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="generated_by",
        related_name="generated_reports_as_generated_by",
    )
    file_path = models.TextField(null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "generated_reports"
        verbose_name = _("generated report")
        verbose_name_plural = _("generated reports")

    def __str__(self) -> str:
        return self.report_name
