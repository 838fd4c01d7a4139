"""Search spaces of networks with several branches: described as data, sampled, changed, costed and compared."""

from asymnas.space._architecture import Architecture, canonical_json, distance
from asymnas.space._cost import BranchCost, Cost
from asymnas.space._load import list_spaces, load_space
from asymnas.space._model import Branch, Constraint, FreeGene, Gene, Mixer, Stage, Stem
from asymnas.space._ops import OpCost, Place, register_op, registered_ops
from asymnas.space._space import Count, SearchSpace

__all__ = [
    "Architecture",
    "Branch",
    "BranchCost",
    "Constraint",
    "Cost",
    "Count",
    "FreeGene",
    "Gene",
    "Mixer",
    "OpCost",
    "Place",
    "SearchSpace",
    "Stage",
    "Stem",
    "canonical_json",
    "distance",
    "list_spaces",
    "load_space",
    "register_op",
    "registered_ops",
]
