"""What was found inside a tracker as plots, PNG bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from asymnas.report.plots import BLUE, GREY, ORANGE, make_png
from asymnas.tracking.explain.inside import Fusion, SearchView
from asymnas.tracking.explain.words import WordEffect

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["answers_plot", "channels_plot", "words_plot"]

_EACH, _WORDS = 3, 10
_MAPS, _OVERLAYS = "viridis", "inferno"
FOUND_COLOUR, TRUE_COLOUR = "#3cdc3c", "white"


def channels_plot(view: SearchView, row: int, found: Sequence[Fusion], sentence: str) -> bytes:
    """Draw, for each mixer, selection scores, channels of the largest and smallest ones, activation before and after.

    Channels are drawn as they come into the mixer, over the search crop of a view under its sentence number `row`; the
    activation is the mean over channels without regard to the sign (paper, Figure 4).
    """
    figure = _figure(width=13.6, height=1.1 + 1.6 * max(len(found), 2))
    columns = 4 + 2 * _EACH
    grid = figure.add_gridspec(max(len(found), 2), columns, width_ratios=[2.1, 1.5, *[1] * (columns - 2)])
    crop = figure.add_subplot(grid[:2, 0])
    _crop(crop, view)
    _outline(crop, view, row)
    crop.set_title("search crop", fontsize=9)
    crop.set_xlabel("white dashed: annotated\ngreen: found", fontsize=8)
    for number, fusion in enumerate(found):
        line = [figure.add_subplot(grid[number, column]) for column in range(1, columns)]
        _scores(line[0], fusion)
        largest, smallest = fusion.extremes(_EACH)
        for cell, channel in zip(line[1:], [*largest, *smallest], strict=False):
            _channel(cell, view, row, fusion, channel)
        for cell, features, when in ((line[-2], fusion.before, "before"), (line[-1], fusion.after, "after")):
            activation = np.abs(features).mean(0)
            _overlay(cell, view, activation / activation.max(), fusion.stride)
            _outline(cell, view, row)
            cell.set_title(f"{when}: up to {activation.max():.2g}", fontsize=8)
        if number == 0:
            _headings(line)
    figure.suptitle(f"What ModaMixers select under {_quoted(sentence, 100)}", fontsize=11)
    text = (
        "titles are channel: score; channels as they enter the mixer, dark to bright from their lowest to their "
        "highest value; activation is the mean |value| over channels"
    )
    figure.supxlabel(text, fontsize=8, color="#444444")
    return make_png(figure)


def answers_plot(
    view: SearchView,
    maps: Mapping[str, np.ndarray],
    stride: int,
    sentences: Mapping[str, str | None],
    captions: Sequence[Sequence[str]],
) -> bytes:
    """Draw maps (n, h, w) of several kinds over the search crop under n sentences by label (paper, Figure 7).

    A row for each kind, a column for each sentence; each map has a scale of its own. `captions` are lines below each
    sentence, by kind.
    """
    columns = len(sentences) + 1
    figure = _figure(width=2.1 * columns + 0.6, height=2.45 * len(maps) + 1.2)
    axes: Any = figure.subplots(len(maps), columns, squeeze=False)
    _crop(axes[0][0], view)
    _outline(axes[0][0], view, None)
    axes[0][0].set_title("search crop", fontsize=9, weight="bold")
    axes[0][0].set_xlabel("white dashed: annotated\ngreen: found", fontsize=8)
    for cell in axes[1:, 0]:
        cell.set_axis_off()
    first = next(iter(maps.values()))
    for line, (kind, found), texts in zip(axes, maps.items(), captions, strict=True):
        for row, (cell, (label, sentence)) in enumerate(zip(line[1:], sentences.items(), strict=True)):
            top = float(found[row].max())
            _overlay(cell, view, found[row] / top if top > 0 else found[row], stride)
            _outline(cell, view, row)
            cell.set_xlabel(texts[row], fontsize=8)
            if found is first:
                text = "no sentence" if sentence is None else textwrap.fill(_quoted(sentence, 100), 30)
                cell.set_title(label, fontsize=9, weight="bold")
                cell.set_xlabel(f"{text}\n{texts[row]}", fontsize=8)
        line[1].set_ylabel(kind, fontsize=9, weight="bold")
    _scale(figure, list(axes.flat))
    figure.suptitle("Where the answer at the target comes from", fontsize=11)
    return make_png(figure)


def words_plot(effects: Mapping[str, Sequence[WordEffect]], sentences: int, level: float = 0.95) -> bytes:
    """Draw the words that move the selection scores of each mixer most, with their intervals."""
    columns = min(2, len(effects))
    lines = -(-len(effects) // columns)
    rows = min(_WORDS, max(map(len, effects.values())))
    figure = _figure(width=5.4 * columns, height=lines * (0.9 + 0.24 * rows) + 0.6)
    axes: Any = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for cell, (mixer, found) in zip(axes.flat, effects.items(), strict=False):
        shown = found[:_WORDS]
        places = np.arange(len(shown))
        values = np.array([100 * item.change.value for item in shown])
        ends = np.array([[100 * item.change.low, 100 * item.change.high] for item in shown])
        cell.barh(places, values, height=0.7, color=BLUE, alpha=0.8)
        cell.errorbar(values, places, xerr=np.abs(ends.T - values), fmt="none", color="black", linewidth=1, capsize=2)
        cell.set_yticks(places, [f"{item.word} ({item.sentences})" for item in shown], fontsize=8)
        cell.set_ylim(rows - 0.4, -0.6)
        cell.set_title(mixer, fontsize=10)
        cell.spines[["top", "right"]].set_visible(False)
        cell.grid(axis="x", alpha=0.25, linewidth=0.6)
        cell.tick_params(axis="x", labelbottom=True, labelsize=8)
    for cell in list(axes.flat)[len(effects) :]:
        cell.set_axis_off()
    figure.suptitle(f"Words that move the selection scores most, {sentences} sentences", fontsize=11)
    what = "mean change of a score when the word is left out, % of the mean |score|"
    figure.supxlabel(f"{what}; {level:.0%} interval over sentences, whose number is in brackets", fontsize=8)
    return make_png(figure)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _scores(axes: Axes, fusion: Fusion) -> None:
    """Draw the selection scores in order, those that are shown beside it in orange."""
    ordered = np.sort(fusion.scores)[::-1]
    ranks = np.arange(1, len(ordered) + 1)
    edge = (ranks <= _EACH) | (ranks > len(ordered) - _EACH)
    axes.bar(ranks, ordered, width=1.0, color=[ORANGE if at else BLUE for at in edge])
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.set_title(f"{fusion.name}: {len(ordered)} channels", fontsize=8)
    axes.set_ylabel("selection score", fontsize=7)
    axes.set_xlabel("rank", fontsize=7, labelpad=-8)
    axes.set_xticks([1, len(ordered)])
    axes.tick_params(labelsize=7)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)


def _headings(line: Sequence[Axes]) -> None:
    """Write what the columns are above those of the first mixer."""
    for column, text in ((1, "largest scores"), (1 + _EACH, "smallest scores"), (1 + 2 * _EACH, "activation")):
        line[column].annotate(text, (0, 1), (0, 20), xycoords="axes fraction", textcoords="offset points", fontsize=10,
                              weight="bold", annotation_clip=False)  # fmt: skip


def _channel(axes: Axes, view: SearchView, row: int, fusion: Fusion, channel: int) -> None:
    _frame(axes, view)
    axes.set_facecolor("black")
    axes.imshow(fusion.before[channel], cmap=_MAPS, extent=_extent(view, fusion.before, fusion.stride))
    _outline(axes, view, row)
    axes.set_title(f"{channel}: {fusion.scores[channel]:+.2f}", fontsize=8)


def _crop(axes: Axes, view: SearchView) -> None:
    axes.imshow(view.crop[:, :, ::-1], extent=(0, len(view.crop), len(view.crop), 0))
    _frame(axes, view)


def _overlay(axes: Axes, view: SearchView, values: np.ndarray, stride: int) -> None:
    """Draw the crop in grey and (h, w) values in 0..1 over it, the more solid the larger they are."""
    grey = view.crop.mean(2)
    side = len(view.crop)
    axes.imshow(grey, cmap="gray", vmin=-40, vmax=330, extent=(0, side, side, 0))
    axes.imshow(values, cmap=_OVERLAYS, vmin=0, vmax=1, alpha=0.8 * np.sqrt(values), interpolation="bilinear",
                extent=_extent(view, values, stride))  # fmt: skip
    _frame(axes, view)


def _extent(view: SearchView, features: np.ndarray, stride: int) -> tuple[float, float, float, float]:
    """Return left, right, bottom and top of a map (..., h, w) that is centred in the crop, in crop pixels."""
    middle = len(view.crop) / 2
    half_height, half_width = (cells * stride / 2 for cells in features.shape[-2:])
    return middle - half_width, middle + half_width, middle + half_height, middle - half_height


def _outline(axes: Axes, view: SearchView, row: int | None) -> None:
    """Draw the annotated box, and that found under sentence number `row`."""
    from matplotlib.patches import Rectangle

    boxes = [(view.truth, TRUE_COLOUR, "--")] if view.truth is not None else []
    boxes += [] if row is None else [(view.found[row], FOUND_COLOUR, "-")]
    for corners, colour, line in boxes:
        left, top, right, bottom = map(float, corners)
        for edge, width in (("black", 2.4), (colour, 1.2)):
            outer = edge != colour
            box = Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=edge, linewidth=width)
            box.set(linestyle="-" if outer else line, alpha=0.5 if outer else 1.0)
            axes.add_patch(box)


def _frame(axes: Axes, view: SearchView) -> None:
    axes.set_xlim(0, len(view.crop))
    axes.set_ylim(len(view.crop), 0)
    axes.set_xticks([])
    axes.set_yticks([])


def _scale(figure: Figure, axes: Sequence[Axes]) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), cmap=_OVERLAYS), ax=axes, shrink=0.5, pad=0.01, aspect=15)
    bar.set_label("evidence for the target", fontsize=8)
    bar.set_ticks([0, 1], labels=["0", "most"], fontsize=8)


def _quoted(sentence: str, most: int) -> str:
    """Return a sentence as a plot shows it; matplotlib takes $ for formulas."""
    short = textwrap.shorten(sentence, most, placeholder=" …")
    return f"“{short}”".replace("$", r"\$")
