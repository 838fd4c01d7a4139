"""Text encoders and the table of sentence embeddings."""

from asymnas.language._encoder import TextEncoder, TransformersEncoder, load_encoder
from asymnas.language._table import SentenceTable
from asymnas.language.locate import MINILM_INSTALL

__all__ = ["MINILM_INSTALL", "SentenceTable", "TextEncoder", "TransformersEncoder", "load_encoder"]
