"""The discount engine: a basket, campaigns and a moment in; what each unit costs, and why, out.

Pure: nothing is read, written or asked here, and the clock is an argument. Only the standard library is needed and
modules name each other relatively, so this folder is a library by itself wherever it is copied (a till without a
network). ``README.md`` says how it decides.
"""

from . import bundle, quantities
from .applicator import evaluate
from .basket import Basket, Line
from .campaigns import Campaign, Discount, Left, Strategy
from .catalogue import CampaignSet
from .codes import fold as fold_code
from .lines import LineResult, ReturnOf, Run
from .money import InexactAmount, to_text
from .quantities import Quantity
from .results import CodeResult, Evaluation, Outcome, Reason

__all__ = [
    "Basket",
    "Campaign",
    "CampaignSet",
    "CodeResult",
    "Discount",
    "Evaluation",
    "InexactAmount",
    "Left",
    "Line",
    "LineResult",
    "Outcome",
    "Quantity",
    "Reason",
    "ReturnOf",
    "Run",
    "Strategy",
    "bundle",
    "evaluate",
    "fold_code",
    "quantities",
    "to_text",
]
