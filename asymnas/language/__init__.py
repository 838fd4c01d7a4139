"""Text encoders and the table of sentence embeddings."""

from asymnas.language._encoder import TextEncoder, TransformersEncoder, load_encoder
from asymnas.language._locate import MINILM_INSTALL
from asymnas.language._table import SentenceTable

__all__ = ["MINILM_INSTALL", "SentenceTable", "TextEncoder", "TransformersEncoder", "load_encoder"]
