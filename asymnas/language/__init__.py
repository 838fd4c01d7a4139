"""Text encoders, the table of sentence embeddings, and `Language`: what models read of sentences."""

from asymnas.language._pretrained import Pooling
from asymnas.language._table import SentenceTable
from asymnas.language.embedding import Language, Sentences
from asymnas.language.encoders import ENCODERS, EncoderPlugin, FlawFinder, TextEncoder, load_encoder

__all__ = [
    "ENCODERS",
    "EncoderPlugin",
    "FlawFinder",
    "Language",
    "Pooling",
    "SentenceTable",
    "Sentences",
    "TextEncoder",
    "load_encoder",
]
