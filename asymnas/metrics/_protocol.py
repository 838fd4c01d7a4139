"""Named one-pass-evaluation protocols: how boxes become a success score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asymnas.boxes import iou
from asymnas.errors import DataError, Problem, nearest

__all__ = ["PROTOCOLS", "Protocol", "get_protocol", "suc"]

THRESHOLDS = np.arange(21) * 0.05


@dataclass(frozen=True, slots=True)
class Protocol:
    """The success score (SUC, area under the success curve) of one benchmark toolkit.

    21 overlap thresholds 0, 0.05, ..., 1; a frame is a success at threshold t if IoU > t, strictly, so that a perfect
    frame scores 20/21. A video's SUC is the mean of its curve, a benchmark's is the mean over videos.

    Args:
        name: the protocol's name; no score is shown without it.
        first_frame_given: the first prediction is replaced by the ground truth, as the LaSOT toolkit does.
        repair: an invalid prediction (not finite, or without area) is replaced by the previous one.
        absent_in_denominator: frames without the target count as misses (LaSOT) rather than being left out.
        positive_corner: a ground-truth box counts as valid only if its corner, 1-based, is positive, as in the MATLAB
            toolkits; otherwise its width and height alone decide. Invalid boxes are misses.
    """

    name: str
    first_frame_given: bool = True
    repair: bool = True
    absent_in_denominator: bool = True
    positive_corner: bool = True

    def overlaps(self, predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray) -> np.ndarray:
        """Return the IoU of every counted frame, (m,) float64, -1 where the frame is a miss by rule.

        Args:
            predicted: (n, 4) x, y, w, h in pixels, 0-based.
            truth: (n, 4), likewise.
            absent: (n,) bool, True where the target cannot be seen.

        Raises:
            DataError: the three differ in length, or there is no frame.
        """
        predicted, truth, absent = np.array(predicted, float), np.asarray(truth, float), np.asarray(absent, bool)
        if not len(predicted) == len(truth) == len(absent) or len(truth) == 0:
            raise DataError(
                Problem(
                    f"protocol {self.name}",
                    "predicted boxes, ground truth and absence flags must be of one length, at least 1",
                    f"{len(predicted)}, {len(truth)} and {len(absent)}",
                    "Give one row a frame.",
                )
            )
        if self.first_frame_given:
            predicted[0] = truth[0]
        if self.repair:
            predicted = _repaired(predicted)
        corner = truth[:, :2] > -1 if self.positive_corner else np.ones((len(truth), 2), bool)
        valid = corner.all(1) & (truth[:, 2:] > 0).all(1) & np.isfinite(truth).all(1) & np.isfinite(predicted).all(1)
        overlap = np.full(len(truth), -1.0)
        keep = valid & ~absent
        overlap[keep] = iou(predicted[keep], truth[keep])
        return overlap if self.absent_in_denominator else overlap[~absent]

    def curve(self, predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray) -> np.ndarray:
        """Return the success curve, (21,) shares of frames in [0, 1], one a threshold."""
        overlap = self.overlaps(predicted, truth, absent)
        if len(overlap) == 0:
            return np.zeros(len(THRESHOLDS))
        return (overlap[:, None] > THRESHOLDS).mean(0)


def _repaired(predicted: np.ndarray) -> np.ndarray:
    """Replace each invalid row by the last valid row before it; the first row stays."""
    valid = np.isfinite(predicted).all(1) & (predicted[:, 2:] > 0).all(1)
    valid[0] = True
    last = np.maximum.accumulate(np.where(valid, np.arange(len(predicted)), 0))
    return predicted[last]


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("lasot"),
        Protocol("visible", absent_in_denominator=False, positive_corner=False),
    )
}
"""`lasot`: the LaSOT MATLAB toolkit's rules (facts of calc_seq_err_robust). `visible`: frames with the target only."""


def get_protocol(name: str) -> Protocol:
    """Return the protocol of that name.

    Raises:
        DataError: no protocol has the name.
    """
    if name not in PROTOCOLS:
        raise DataError(Problem("protocol", "must be a known protocol", repr(name), nearest(name, PROTOCOLS)))
    return PROTOCOLS[name]


def suc(predicted: np.ndarray, truth: np.ndarray, absent: np.ndarray, *, protocol: str = "lasot") -> float:
    """Return the SUC of one video, in [0, 20/21], under a named protocol.

    Args:
        predicted: (n, 4) x, y, w, h in pixels, 0-based.
        truth: (n, 4), likewise.
        absent: (n,) bool.
        protocol: name of the protocol.
    """
    return float(get_protocol(protocol).curve(predicted, truth, absent).mean())
