"""Tiny encoders with random weights, saved in folders as those of the Hugging Face hub are."""

from __future__ import annotations

import string
from pathlib import Path

import torch

TEXTS = ["a red ball", "the small blue striped circle on the left moves slowly behind the tall grey wall", "dog"]
LEARNT = [*TEXTS, "a small red ball on the green grass", "the black dog runs behind a tall man"]


def save_bert(folder: Path, *, padding: str | None = None, model: str = "bert") -> Path:
    """A BERT of 40 positions (or a RoBERTa of as many tokens) with pieces of words; its tokenizer may pad by itself."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    pieces = [*special.values(), *sorted(set(" ".join(LEARNT).split())), *string.ascii_lowercase]
    pieces += [f"##{letter}" for letter in string.ascii_lowercase]
    vocabulary = {piece: row for row, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    if padding is not None:
        tokenizer.enable_padding(length=32, direction=padding)
    side = {} if padding is None else {"padding_side": padding}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special, **side).save_pretrained(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(0)
    if model == "roberta":  # its positions are counted from the padding token's id on
        config = transformers.RobertaConfig(vocab_size=200, max_position_embeddings=42, pad_token_id=1, **sizes)
        transformers.RobertaModel(config).save_pretrained(folder)
    else:
        config = transformers.BertConfig(vocab_size=200, max_position_embeddings=40, **sizes)
        transformers.BertModel(config).save_pretrained(folder)
    return folder


def save_gpt2(folder: Path, *, padding: str | None = None) -> Path:
    """A GPT-2 of 64 positions, of bytes, with neither special tokens nor one for padding, unless it pads by itself."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    more = {}
    if padding is not None:
        tokenizer.enable_padding(length=48, direction=padding, pad_token="a", pad_id=tokenizer.token_to_id("a"))
        more = {"padding_side": padding, "pad_token": "a"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="a", **more).save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_positions=64, n_embd=16, n_layer=2, n_head=2)
    GPT2Model(config).save_pretrained(folder)
    return folder
