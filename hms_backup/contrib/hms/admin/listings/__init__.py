"""How each of the hospital's models is listed, searched and filtered in the admin."""

from __future__ import annotations

from typing import Final

from . import core_transaction, financials, human_resources, logistics
from .listing import Listing, Listings

LISTINGS: Final[Listings] = {
    **human_resources.LISTINGS,
    **core_transaction.LISTINGS,
    **logistics.LISTINGS,
    **financials.LISTINGS,
}

__all__ = ["LISTINGS", "Listing"]
