"""The discount engine: a basket, campaigns and a moment in; what each unit costs, and why, out.

Pure: nothing is read, written or asked here, and the clock is an argument. Only the standard library is needed and
modules name each other relatively, so this folder is a library by itself wherever it is copied (a till without a
network). ``README.md`` says how it decides.
"""

from . import bundle
from .applicator import evaluate
from .basket import Basket, Line
from .campaigns import Campaign, Discount, Left, Strategy
from .catalogue import CampaignSet
from .money import InexactAmount, decimals, to_text
from .results import Evaluation, LineResult, Outcome, Reason, Run

__all__ = [
    "Basket",
    "Campaign",
    "CampaignSet",
    "Discount",
    "Evaluation",
    "InexactAmount",
    "Left",
    "Line",
    "LineResult",
    "Outcome",
    "Reason",
    "Run",
    "Strategy",
    "bundle",
    "decimals",
    "evaluate",
    "to_text",
]
