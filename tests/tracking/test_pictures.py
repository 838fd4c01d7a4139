"""Drawn frames and contact sheets: where ink is and where none may be."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from asymnas.report import page
from asymnas.tracking.pictures.drawing import (
    FOUND,
    TRUE,
    draw_box,
    put_text,
    save_picture,
    spread,
    undrawable,
    wrap_text,
)
from asymnas.tracking.pictures.overlay import Overlay
from asymnas.tracking.pictures.sheets import ContactSheet
from asymnas.tracking.pictures.strips import strips_section

BOX = np.array([100.0, 60.0, 80.0, 40.0])


def ground(size: tuple[int, int] = (400, 300)) -> np.ndarray:
    return np.full((size[1], size[0], 3), 90, np.uint8)


def where(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Bounding box x, y, w, h of the pixels of a colour."""
    rows, columns = np.nonzero((image == colour).all(-1))
    return np.array([columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1])


def test_the_box_is_drawn_where_it_is() -> None:
    image = ground()
    draw_box(image, BOX)
    np.testing.assert_allclose(where(image, FOUND), BOX, atol=2)
    assert (image[70:90, 115:165] == 90).all()


@pytest.mark.parametrize(
    ("box", "seen"),
    [
        ([-50, -40, 80, 60], True),
        ([380, 280, 50, 50], True),
        ([1e9, -1e9, 10, 10], False),
        ([5000, 20, 10, 10], False),
        ([0, 0, 400, 300], True),
        ([3, 3, 0.4, 0.4], True),
    ],
)
def test_of_boxes_over_the_border_the_part_inside_is_drawn(box: list[float], seen: bool) -> None:
    image, labelled = ground(), ground()
    draw_box(image, np.array(box, float))
    assert (image != 90).any() == seen
    draw_box(labelled, np.array(box, float), label="0.50")
    assert (labelled != 90).any() or not seen


@pytest.mark.parametrize("box", [[np.nan] * 4, [1, 1, 0, 5], [1, 1, -3, 5], [np.inf, 0, 1, 1]])
def test_no_box_is_no_ink(box: list[float]) -> None:
    image = ground()
    draw_box(image, np.array(box, float), label="0.50")
    assert (image == 90).all()


def test_picture_holds_frame_box_truth_and_sentence() -> None:
    frame = ground()
    overlay = Overlay((400, 300), title="static", sentence="a grey square")
    truth = BOX + np.array([60, 100, 0, 0])
    picture = overlay.draw(frame, BOX, 0.25, index=7, truth=truth)
    assert (frame == 90).all()
    assert picture.shape == (overlay.size[1], overlay.size[0], 3)
    np.testing.assert_allclose(where(picture[:300, :, :], FOUND)[[0, 2]], BOX[[0, 2]], atol=2)
    np.testing.assert_allclose(where(picture[:300], TRUE), truth, atol=6)
    assert (picture[300:] != picture[-1, -1]).any()
    other = Overlay((400, 300), title="static", sentence="another square").draw(frame, BOX, 0.25, index=7, truth=truth)
    np.testing.assert_array_equal(picture[:300], other[:300])
    assert (picture[300:] != other[300:]).any()


def test_small_frames_are_enlarged_so_that_text_can_be_read() -> None:
    overlay = Overlay((96, 72), title="static")
    assert overlay.size[0] == 4 * 96
    picture = overlay.draw(np.full((72, 96, 3), 90, np.uint8), np.array([20.0, 30.0, 40.0, 20.0]), 0.5, index=0)
    box = where(picture[: 4 * 72], FOUND)
    np.testing.assert_allclose(box[[0, 2]], [80, 160], atol=3)


def test_long_sentences_break_and_end_with_a_mark() -> None:
    rows = wrap_text("the " + "very " * 200 + "long sentence", 12, 200, 3)
    assert len(rows) == 3
    assert rows[-1].endswith("…")
    assert wrap_text("short", 12, 200, 3) == ["short"]
    assert wrap_text("x" * 500, 12, 200, 1)[0].endswith("…")
    assert wrap_text("", 12, 200, 3) == []


def test_characters_that_the_font_lacks_are_known() -> None:
    assert undrawable("naïve Größe, чёрный") == ""
    assert undrawable("a 黒い cat") == "い黒"
    put_text(ground(), (0, 0), "黒い", size=12)


@pytest.mark.parametrize("count", [1, 2, 11, 12, 13, 47, 300])
def test_contact_sheet_spreads_over_any_length(count: int) -> None:
    sheet = ContactSheet(count=12, columns=4)
    for index in range(count):
        sheet.add(index, ground(), BOX, 0.5, BOX if index % 2 else None)
    assert len(sheet._cells) <= 48
    image = sheet.render("clip · static", None)
    cells = min(count, 12)
    columns = min(cells, 4)
    assert image.shape[1] == columns * 304 + 4
    assert image.shape[0] >= -(-cells // columns) * 225


def test_frames_are_spread_from_the_first_to_the_last() -> None:
    assert spread(10, 4) == [0, 3, 6, 9]
    assert spread(3, 12) == [0, 1, 2]


def test_strips_of_a_run_are_one_section(tmp_path: Path) -> None:
    run = SimpleNamespace(folder=tmp_path)
    assert page("r", [strips_section(run)]).count("<h2>") == 0
    for name in ("02_b.jpg", "01_a_c.jpg"):
        save_picture(ground(), tmp_path / "strips" / name)
    section = strips_section(run)
    assert [figure.alternative for figure in section.figures] == ["strip 01, video a_c", "strip 02, video b"]
    assert page("r", [section]).count("data:image/jpeg") == 2
