"""Text encoders, the table of sentence embeddings, and `Language`: what models read of sentences."""

from asymnas.language._table import SentenceTable
from asymnas.language.embedding import Language, Sentences
from asymnas.language.encoders import ENCODERS, EncoderPlugin, TextEncoder, TransformersEncoder, load_encoder
from asymnas.language.locate import MINILM_INSTALL

__all__ = [
    "ENCODERS",
    "MINILM_INSTALL",
    "EncoderPlugin",
    "Language",
    "SentenceTable",
    "Sentences",
    "TextEncoder",
    "TransformersEncoder",
    "load_encoder",
]
