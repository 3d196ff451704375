"""Financials: its lists in the admin."""

from __future__ import annotations

from ... import models
from .listing import PATIENT, Listings, listing

LISTINGS: Listings = {
    # FIN1
    models.BillingRecord: listing(
        "patient total_amount status insurance_claim_status billing_date",
        search=f"{PATIENT} description",
        filters="status insurance_claim_status",
        date="billing_date",
        named_by="patient",
    ),
    models.LedgerAccount: listing(
        "account_code account_name balance last_updated",
        search="account_code account_name",
        date="last_updated",
    ),
    models.Vendor: listing(
        "name contact_person email phone status",
        search="name contact_person email phone",
        filters="status",
        date="created_at",
    ),
    models.VendorInvoice: listing(
        "invoice_number vendor invoice_date due_date amount status",
        search="invoice_number vendor__name description",
        filters="status due_date",
        date="invoice_date",
        named_by="vendor",
    ),
    models.VendorPayment: listing(
        "invoice amount payment_date payment_method reference_number account",
        search="invoice__invoice_number invoice__vendor__name reference_number",
        filters="payment_method",
        date="payment_date",
        named_by="invoice__vendor account",
    ),
    models.Receivable: listing(
        "billing amount_due due_date status",
        search="billing__patient__last_name billing__patient__first_name",
        filters="status",
        date="due_date",
        named_by="billing__patient",
    ),
    models.Collection: listing(
        "receivable amount collection_date payment_method collected_by account reference",
        search="reference receivable__billing__patient__last_name collected_by__full_name",
        filters="payment_method",
        date="collection_date",
        named_by="receivable collected_by account",
    ),
    models.BankAccount: listing(
        "bank_name account_number account_type balance",
        search="bank_name account_number",
        filters="account_type",
        date="created_at",
    ),
    models.CashTransaction: listing(
        "account transaction_type amount transaction_date performed_by description",
        search="account__bank_name account__account_number description performed_by__full_name",
        filters="transaction_type",
        date="transaction_date",
        named_by="account performed_by",
    ),
    models.GeneratedReport: listing(
        "report_name report_type generated_by created_at",
        search="report_name generated_by__full_name",
        filters="report_type",
        date="created_at",
        named_by="generated_by",
    ),
}
