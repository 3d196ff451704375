"""Bills, the ledger, vendors and bank accounts."""

from __future__ import annotations

import datetime as dt

import factory
from factory.django import DjangoModelFactory

from hms_backup.contrib.hms import models

from ..vocabulary import ACCOUNTS, BANKS, FIRMS
from .care import PatientFactory
from .draw import TODAY, day, drawn, moment, money, one_of, person, phone, sometimes
from .people import UserFactory

PAYMENT_METHODS = ("Cash", "Check", "GCash", "Bank transfer")


class BillingRecordFactory(DjangoModelFactory[models.BillingRecord]):
    """A patient's bill."""

    class Meta:
        model = models.BillingRecord

    patient = factory.SubFactory(PatientFactory)
    total_amount = drawn(money, 200, 250_000)
    status = one_of("Unpaid", "Partially paid", "Paid")
    insurance_claim_status = one_of(None, "Filed", "Denied", "Paid")
    billing_date = drawn(moment)
    description = one_of("Room and board, 3 days", None, "")
    created_at = factory.SelfAttribute("billing_date")


class LedgerAccountFactory(DjangoModelFactory[models.LedgerAccount]):
    """One account of the general ledger."""

    class Meta:
        model = models.LedgerAccount

    account_code = factory.Sequence(lambda n: f"{1000 + 10 * n}")
    account_name = factory.Sequence(lambda n: ACCOUNTS[n % len(ACCOUNTS)])
    balance = drawn(money, -900_000, 90_000_000)
    last_updated = drawn(moment)


class VendorFactory(DjangoModelFactory[models.Vendor]):
    """A firm that the hospital pays."""

    class Meta:
        model = models.Vendor

    name = one_of(*FIRMS)
    contact_person = drawn(sometimes, person)
    email = factory.Sequence(lambda n: f"billing{n}@vendor.example" if n % 2 else "")
    phone = drawn(sometimes, phone)
    status = one_of("Active", "Inactive")
    created_at = drawn(moment)


class VendorInvoiceFactory(DjangoModelFactory[models.VendorInvoice]):
    """A bill from a vendor."""

    class Meta:
        model = models.VendorInvoice

    vendor = factory.SubFactory(VendorFactory)
    invoice_number = factory.Sequence(lambda n: f"VI-{n + 1:06d}")
    invoice_date = drawn(day)
    due_date = factory.LazyAttribute(lambda bill: bill.invoice_date + dt.timedelta(days=30))
    amount = drawn(money, 500, 500_000)
    status = factory.LazyAttribute(lambda bill: "Unpaid" if bill.due_date > TODAY else "Paid")
    description = one_of("Linen service", "Oxygen refill", None)
    created_at = drawn(moment)


class BankAccountFactory(DjangoModelFactory[models.BankAccount]):
    """An account that the hospital holds."""

    class Meta:
        model = models.BankAccount

    bank_name = one_of(*BANKS)
    account_number = factory.Sequence(lambda n: f"0012-{n:04d}-89")
    account_type = one_of("Savings", "Checking", None)
    balance = drawn(money, 0, 80_000_000)
    created_at = drawn(moment)


class VendorPaymentFactory(DjangoModelFactory[models.VendorPayment]):
    """Money paid on a vendor's bill."""

    class Meta:
        model = models.VendorPayment

    invoice = factory.SubFactory(VendorInvoiceFactory)
    account = factory.SubFactory(BankAccountFactory)
    payment_date = drawn(day)
    amount = factory.LazyAttribute(lambda payment: payment.invoice.amount)
    payment_method = one_of(*PAYMENT_METHODS)
    reference_number = factory.Sequence(lambda n: f"CHK{n:07d}" if n % 3 else None)
    created_at = drawn(moment)


class ReceivableFactory(DjangoModelFactory[models.Receivable]):
    """What is still owed on a patient's bill."""

    class Meta:
        model = models.Receivable

    billing = factory.SubFactory(BillingRecordFactory)
    amount_due = factory.LazyAttribute(lambda one: one.billing.total_amount)
    due_date = drawn(day, 0, 90)
    status = one_of("Unpaid", "Paid")
    created_at = drawn(moment)


class CollectionFactory(DjangoModelFactory[models.Collection]):
    """Money received for a receivable."""

    class Meta:
        model = models.Collection

    receivable = factory.SubFactory(ReceivableFactory)
    account = factory.SubFactory(BankAccountFactory)
    collected_by = factory.SubFactory(UserFactory)
    collection_date = drawn(moment)
    amount = factory.LazyAttribute(lambda one: one.receivable.amount_due)
    payment_method = one_of(*PAYMENT_METHODS)
    reference = factory.Sequence(lambda n: f"OR-{n:08d}" if n % 4 else "")
    created_at = drawn(moment)


class CashTransactionFactory(DjangoModelFactory[models.CashTransaction]):
    """Money that came into or left a bank account."""

    class Meta:
        model = models.CashTransaction

    account = factory.SubFactory(BankAccountFactory)
    transaction_type = one_of("Deposit", "Withdrawal", "Transfer")
    amount = drawn(money, 1, 400_000)
    description = one_of("Petty cash", None, "")
    transaction_date = drawn(moment)
    performed_by = factory.SubFactory(UserFactory)
    created_at = factory.SelfAttribute("transaction_date")


class GeneratedReportFactory(DjangoModelFactory[models.GeneratedReport]):
    """A report that someone had made."""

    class Meta:
        model = models.GeneratedReport

    report_name = factory.Sequence(lambda n: f"Balance sheet, week {n + 1}")
    report_type = one_of("Financial", "Census", None)
    generated_by = factory.SubFactory(UserFactory)
    file_path = one_of(None, "/reports/2026/ñ.pdf", "C:\\reports\\a.xlsx")
    created_at = drawn(moment)
