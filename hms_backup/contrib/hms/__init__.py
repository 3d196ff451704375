"""The hospital: its 42 tables as unmanaged models, and which of them form a backup."""
