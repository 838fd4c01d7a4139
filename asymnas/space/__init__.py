"""Search spaces of networks with several branches: described as data, sampled, changed, costed and compared."""

from asymnas.space import _resnet  # noqa: F401 - registers its ops
from asymnas.space._architecture import ENUMERABLE, Architecture, available, distance
from asymnas.space._cost import Cost
from asymnas.space._diff import diff_spaces
from asymnas.space._draw import describe, draw
from asymnas.space._file import (
    ArchitectureFile,
    architecture_content,
    list_architectures,
    load_architecture,
    save_architecture,
)
from asymnas.space._genes import FreeGene, Gene, stage_sizes, stage_strides, stem_place
from asymnas.space._load import list_spaces, load_space
from asymnas.space._parts import Branch, Constraint, Input, Mixer, Stage, Stem
from asymnas.space._space import SearchSpace
from asymnas.space.mixers import LANGUAGE, MIXERS, MixerKind, MixerOptions, MixerPlace
from asymnas.space.ops import OPS, Op, OpCost, Place, register_op

__all__ = [
    "ENUMERABLE",
    "LANGUAGE",
    "MIXERS",
    "OPS",
    "Architecture",
    "ArchitectureFile",
    "Branch",
    "Constraint",
    "Cost",
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
    "Stage",
    "Stem",
    "architecture_content",
    "available",
    "describe",
    "diff_spaces",
    "distance",
    "draw",
    "list_architectures",
    "list_spaces",
    "load_architecture",
    "load_space",
    "register_op",
    "save_architecture",
    "stage_sizes",
    "stage_strides",
    "stem_place",
]
