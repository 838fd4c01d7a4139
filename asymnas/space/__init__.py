"""Search spaces of networks with several branches: described as data, sampled, changed, costed and compared."""

from asymnas.space._architecture import Architecture, canonical_json, distance
from asymnas.space._cost import BranchCost, Cost
from asymnas.space._diff import SpaceDiff, diff_spaces
from asymnas.space._draw import describe, draw
from asymnas.space._file import (
    ArchitectureFile,
    architecture_content,
    list_architectures,
    load_architecture,
    save_architecture,
)
from asymnas.space._load import list_spaces, load_space
from asymnas.space._operators import Count
from asymnas.space._parts import Branch, Constraint, FreeGene, Gene, Input, Mixer, Stage, Stem
from asymnas.space._space import ENUMERABLE, SearchSpace, available
from asymnas.space.mixers import LANGUAGE, MIXERS, MixerKind, MixerOptions, MixerPlace
from asymnas.space.ops import OPS, Op, OpCost, Place, Size, find_op, register_op, registered_ops

__all__ = [
    "ENUMERABLE",
    "LANGUAGE",
    "MIXERS",
    "OPS",
    "Architecture",
    "ArchitectureFile",
    "Branch",
    "BranchCost",
    "Constraint",
    "Cost",
    "Count",
    "FreeGene",
    "Gene",
    "Input",
    "Mixer",
    "MixerKind",
    "MixerOptions",
    "MixerPlace",
    "Op",
    "OpCost",
    "Place",
    "SearchSpace",
    "Size",
    "SpaceDiff",
    "Stage",
    "Stem",
    "architecture_content",
    "available",
    "canonical_json",
    "describe",
    "diff_spaces",
    "distance",
    "draw",
    "find_op",
    "list_architectures",
    "list_spaces",
    "load_architecture",
    "load_space",
    "register_op",
    "registered_ops",
    "save_architecture",
]
