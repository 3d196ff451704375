"""Words that a Filipino hospital's records are made of."""

from __future__ import annotations

FIRST_NAMES = (
    "Maria", "Jose", "José", "Juan", "Ana", "Rosa", "Pedro", "Luz", "Ramon", "Carmela", "Ligaya",
    "Bayani", "Dalisay", "Andrés", "Nenita", "Rodrigo", "Imelda", "Crisanto", "Perla", "Efren",
    "Jhun-Jhun", "Princess Joy", "Ma. Theresa", "Mark Anthony", "Sinagtala", "Ñiña", "Amihan",
)  # fmt: skip
LAST_NAMES = (
    "Dela Cruz", "Santos", "Reyes", "Peñaflor", "Bautista", "Ocampo", "Garcia", "Villanueva",
    "Mañalac", "Dimaculangan", "Macaraeg", "Katigbak", "de los Reyes", "Ibañez", "O'Neill",
    "Lim-Tan", "Sy", "Abdulrahman", "Pangilinan", "Ylagan", "Quiambao", "Salonga", "Batungbakal",
)  # fmt: skip
CITIES = (
    "Quezon City", "Manila", "Parañaque", "Las Piñas", "Biñan", "Santo Niño", "Cebu City",
    "Davao City", "Iloilo City", "Baguio", "Zamboanga City", "Dasmariñas",
)  # fmt: skip
STREETS = ("Mabini", "Rizal", "Bonifacio", "Luna", "del Pilar", "Aguinaldo", "Taft Avenue", "EDSA")
WARDS = ("Medical", "Surgical", "Pediatrics", "Obstetrics", "ICU", "Emergency", "Isolation")
POSITIONS = (
    "Staff Nurse", "ICU Nurse", "Medical Technologist", "Pharmacist", "Ward Clerk", "Radiographer",
    "Ambulance Driver", "Midwife", "Respiratory Therapist", "Medical Officer III", "Nutritionist",
)  # fmt: skip
SKILLS = (
    "Basic life support", "Advanced cardiac life support", "IV therapy", "Triage", "Phlebotomy",
    "Infection control", "Medication safety", "Ventilator care", "Wound care", "Data privacy",
)  # fmt: skip
DIAGNOSES = (
    "Dengue fever with warning signs", "Community-acquired pneumonia, moderate risk",
    "Type 2 diabetes mellitus", "Essential hypertension", "Acute gastroenteritis",
    "Pulmonary tuberculosis", "Urinary tract infection", "Bronchial asthma, in exacerbation",
    "Acute appendicitis", "Leptospirosis", "Chronic kidney disease, stage 3b",
)  # fmt: skip
TREATMENTS = (
    "Paracetamol 500 mg every 4 hours for fever ≥ 38.5 °C",
    "IV fluids: PLR 1 L × 8 hours\nMonitor hematocrit",
    "Co-amoxiclav 625 mg twice a day for 7 days",
    'Metformin 500 mg twice daily; "plato" diet advice',
    "Losartan 50 mg once daily\tfollow up in 2 weeks",
    "Salbutamol nebulization, 1 nebule every 20 minutes × 3",
)  # fmt: skip
TESTS = (
    "Complete blood count", "Dengue NS1 antigen", "Fasting blood sugar", "Chest X-ray PA",
    "Urinalysis", "Sputum GeneXpert", "Serum creatinine", "Lipid profile", "12-lead ECG",
)  # fmt: skip
MEDICINES = (
    "Paracetamol 500 mg tablet", "Amoxicillin 500 mg capsule", "Losartan 50 mg tablet",
    "Metformin 500 mg tablet", "Salbutamol 2.5 mg nebule", "Omeprazole 20 mg capsule",
    "Amlodipine 5 mg tablet", "Ceftriaxone 1 g vial", "Insulin glargine 100 U/mL pen",
)  # fmt: skip
SUPPLIES = (
    "Surgical gloves (M), 100s", "N95 respirator", "IV cannula G20", "Gauze pad 4×4", "PNSS 1 L",
    "Syringe 5 mL", "Alcohol 70 %, 500 mL", "Foley catheter Fr 16", "Nebulizer kit, adult",
)  # fmt: skip
EQUIPMENT = (
    "Infusion pump", "Patient monitor", "Mechanical ventilator", "Defibrillator", "ECG machine",
    "Portable X-ray", "Autoclave", "Oxygen concentrator", "Hospital bed, electric",
)  # fmt: skip
VEHICLES = ("Toyota HiAce", "Mitsubishi L300", "Hyundai Starex", "Isuzu N-Series", "Nissan Urvan")
FIRMS = (
    "MedSupply Manila", "Visayas Pharma", "Luzon Surgical Trading", "Opisina Trading",
    "Peñafrancia Medical", "Mindanao Gases & Welding", "Sampaguita Diagnostics", "R&R Linen",
)  # fmt: skip
BANKS = ("Land Bank of the Philippines", "BPI", "BDO Unibank", "Metrobank", "PNB")
ACCOUNTS = (
    "Cash on hand", "Cash in bank", "Accounts receivable", "Medical supplies inventory",
    "Accounts payable", "Due to PhilHealth", "Service income", "Salaries and wages", "Utilities",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
INSURERS = ("PhilHealth", "Maxicare", "Intellicare", "MediCard", "none")
