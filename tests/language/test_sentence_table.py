"""The sentence table: cache on disk, several processes, corrupt files, missing sentences."""

from __future__ import annotations

import importlib.metadata
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from asymnas.core.errors import LanguageError
from asymnas.core.seeding import rng_for
from asymnas.language import SentenceTable, TextEncoder, load_encoder


class CountingEncoder:
    """An encoder of 5 numbers a sentence that counts what it embeds."""

    name = "counting"
    dim = 5

    def __init__(self, version: str = "1") -> None:
        self.version = version
        self.calls: list[str] = []

    def fingerprint(self) -> str:
        return self.version * 32

    def embed(self, sentences):
        self.calls += sentences
        return np.stack([rng_for(0, self.version, text).normal(size=5).astype(np.float32) for text in sentences])


def test_an_encoder_is_what_the_protocol_says():
    assert isinstance(CountingEncoder(), TextEncoder)


def test_embed_gives_rows_in_order_and_zeros_for_a_missing_sentence(tmp_path):
    encoder = CountingEncoder()
    language = SentenceTable(encoder, tmp_path).embed(["b", None, "a", "b"])
    assert language.present.tolist() == [True, False, True, True]
    assert language.embedding.dtype.is_floating_point
    assert language.embedding[1].abs().sum() == 0
    np.testing.assert_array_equal(language.embedding[[0, 2, 3]].numpy(), CountingEncoder().embed(["b", "a", "b"]))
    assert sorted(encoder.calls) == ["a", "b"]


def test_a_second_table_reads_the_disk_and_a_new_encoder_does_not(tmp_path):
    texts = [f"sentence {index}" for index in range(150)]
    first = SentenceTable(CountingEncoder(), tmp_path)
    reports: list[tuple[int, int]] = []
    assert first.prepare([*texts, None, *texts], lambda done, of: reports.append((done, of))) == 150
    assert reports == [(64, 150), (128, 150), (150, 150)]
    second = CountingEncoder()
    again = SentenceTable(second, tmp_path).embed(texts)
    assert second.calls == []
    np.testing.assert_array_equal(again.embedding.numpy(), first.embed(texts).embedding.numpy())
    other = CountingEncoder("2")
    SentenceTable(other, tmp_path).embed(texts[:3])
    assert other.calls == texts[:3]


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_embeddings_of_another_version_are_not_read(tmp_path, monkeypatch, package):
    SentenceTable(CountingEncoder(), tmp_path).prepare(["a", "b"])
    SentenceTable(same := CountingEncoder(), tmp_path).prepare(["a", "b"])
    real = importlib.metadata.version
    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", lambda name: "0.0" if name == package else real(name))
        SentenceTable(other := CountingEncoder(), tmp_path).prepare(["a", "b"])
    SentenceTable(back := CountingEncoder(), tmp_path).prepare(["a", "b"])
    assert (same.calls, other.calls, back.calls) == ([], ["a", "b"], [])


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty"])
def test_a_corrupt_file_is_noted_and_recomputed(tmp_path, caplog, damage):
    table = SentenceTable(CountingEncoder(), tmp_path)
    table.prepare(["one", "two"])
    (path,) = table.folder.glob("*.safetensors")
    data = bytearray(path.read_bytes())
    data[-3] ^= 255
    path.write_bytes({"torn": data[:40], "flipped": data, "empty": b""}[damage])
    encoder = CountingEncoder()
    with caplog.at_level(logging.WARNING, "asymnas.language"):
        found = SentenceTable(encoder, tmp_path).embed(["one", "two"])
    assert "corrupt" in caplog.text and encoder.calls == ["one", "two"]
    np.testing.assert_array_equal(found.embedding.numpy(), CountingEncoder().embed(["one", "two"]))
    SentenceTable(last := CountingEncoder(), tmp_path).embed(["one"])
    assert last.calls == []


def test_writers_at_the_same_time_leave_a_whole_cache(tmp_path):
    texts = [f"sentence {index}" for index in range(90)]

    def work(shift: int) -> None:
        SentenceTable(CountingEncoder(), tmp_path).prepare(texts[shift : shift + 40])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [0, 10, 30, 50]))
    encoder = CountingEncoder()
    SentenceTable(encoder, tmp_path).prepare(texts)
    assert encoder.calls == []
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("text", ["", "  \n", 3])
def test_an_empty_sentence_is_an_error(tmp_path, text):
    with pytest.raises(LanguageError, match="at least one visible character"):
        SentenceTable(CountingEncoder(), tmp_path).embed(["a", text])


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LanguageError, match="cannot be written"):
        SentenceTable(CountingEncoder(), tmp_path / "file").embed(["a"])


def test_sentences_that_are_cut_are_told_in_one_warning_with_the_cache_too(gpt2, tmp_path, caplog):
    long = [f"{name} " + "ball " * 70 for name in ("an", "be", "co", "do", "el")]
    texts = [*long, *(f"a {colour} ball" for colour in ("red", "green", "blue"))]
    for embedded in (8, 0):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "asymnas.language"):
            table = SentenceTable(str(gpt2), tmp_path)
            assert table.prepare(texts) == embedded
            table.embed(texts)
        (record,) = caplog.records
        said = record.getMessage()
        assert said.startswith("5 of 8 sentences are longer than the 64 tokens that tiny-gpt2 takes, and cut: ")
        assert [name in said for name in ("'an ball", "'be ball", "'co ball", "'do ball", ", ...")] == [
            True, True, True, False, True,
        ]  # fmt: skip


def test_a_sentence_that_comes_later_is_told_when_it_comes(gpt2, tmp_path, caplog):
    table = SentenceTable(str(gpt2), tmp_path)
    table.prepare(["a red ball", "ball " * 70])
    caplog.clear()
    with caplog.at_level(logging.WARNING, "asymnas.language"):
        table.embed(["a red ball", "ball " * 70])
        assert not caplog.records
        table.embed(["a red ball", "ball " * 80])
    assert [record.getMessage()[:20] for record in caplog.records] == ["1 of 2 sentences are"]


def test_sentences_of_unknown_words_are_named(bert, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "asymnas.language"):
        SentenceTable(str(bert), tmp_path).prepare(["a red ball", "\u4e00\u4e8c", "\u4e00\u4e8c\u4e09"])
    (record,) = caplog.records
    assert "2 of 3 sentences are of tokens that are unknown to tiny-bert" in record.getMessage()
    assert "'\u4e00\u4e8c'" in record.getMessage()


def test_the_bag_is_a_table_like_any_other(tmp_path, caplog):
    texts = ["a red ball", "a blue ball", "Ball! A (red)", "\u2026"]
    found = SentenceTable("bag", tmp_path).embed(texts)
    rows = found.embedding.numpy()
    assert rows.shape == (4, 300) and found.present.all()
    np.testing.assert_array_equal(rows[0], rows[2])  # neither order nor capitals count
    assert "1 of 4 sentences are without a word" in caplog.text and not rows[3].any()
    words = SentenceTable("bag", tmp_path).embed(["a", "red", "blue", "ball"]).embedding.numpy()
    np.testing.assert_allclose(rows[0], words[[0, 1, 3]].mean(0), atol=1e-6)
    cosines = words @ words.T / 300
    np.testing.assert_allclose(np.diag(cosines), 1, atol=1e-6)  # all words have one length
    assert np.abs(cosines - np.eye(4)).max() < 0.25
    assert float(words[1, 0]) == pytest.approx(0.66758436, abs=1e-6)  # the same on every machine


def test_the_bag_has_nothing_to_pool():
    with pytest.raises(LanguageError, match="the encoder 'bag' pools in a way of its own"):
        load_encoder("bag", pooling="mean")
