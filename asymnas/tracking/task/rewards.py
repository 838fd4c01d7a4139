"""The rewards of tracking: on whole videos, and on pairs of crops of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.task import Reward
from asymnas.tracking.metrics import main_measure
from asymnas.tracking.task.pairs import WORST

if TYPE_CHECKING:
    from asymnas.tracking import TrackerPlugin

PAIRS = "pairs"
"""Name of the split that rewards on pairs are measured on."""

_DENSE = {
    "pair_loss": Reward("pair_loss", "pair loss", low=-WORST, high=0.0, split=PAIRS),
    "pair_iou": Reward("pair_iou", "pair IoU", split=PAIRS),
    "open_loop": Reward("open_loop", "open-loop overlap"),
}


def rewards_of(plugin: TrackerPlugin, protocol: str) -> dict[str, Reward]:
    """Return the rewards that a tracker can be scored by: `suc`, and those that its plugin names.

    `suc` is the main measure of the protocol on a video tracked from its first box. `open_loop` is the overlap where
    each frame is searched around the true box of the frame before. `pair_loss` is minus the training loss of a pair of
    crops, and `pair_iou` the overlap of the box found in its search crop with the true one.
    """
    return {"suc": Reward("suc", main_measure(protocol)), **{name: _DENSE[name] for name in plugin.rewards}}
