"""A fixed choice of videos and frames of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.core.seeding import rng_for
from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.lazy import all_of

__all__ = ["choose", "subset"]


def choose(names: Sequence[str], videos: int | Sequence[str] | None, seed: int, where: str) -> list[int]:
    """Return the indices of the chosen names.

    A number of `videos` is drawn by `seed` and kept in the data set's order (a smaller one is a part of a larger);
    names are kept in the order given; None is all.

    Raises:
        DataError: more videos than there are, fewer than 1, or unknown names.
    """
    if videos is None:
        return list(range(len(names)))
    if isinstance(videos, int):
        if not 1 <= videos <= len(names):
            rule = f"`videos` must be between 1 and the {len(names)} there are"
            raise DataError(Problem(where, rule, str(videos), "Ask for fewer, or leave `videos` out for all."))
        return sorted(rng_for(seed, "subset").permutation(len(names))[:videos].tolist())
    index = {name: i for i, name in enumerate(names)}
    unknown = [name for name in videos if name not in index]
    if unknown or not videos:
        problems = [Problem(where, "no such video", f"'{name}'", nearest(name, names)) for name in unknown]
        raise DataError(problems or Problem(where, "`videos` must name at least one video", "an empty list"))
    return [index[name] for name in videos]


def subset(
    dataset: Dataset, videos: int | Sequence[str] | None = None, frames: int | None = None, seed: int = 0
) -> Dataset:
    """Return a fixed part of a data set: the same arguments always choose the same videos.

    Args:
        dataset: what to choose from.
        videos: a number of videos drawn by `seed`, a list of names, or None for all.
        frames: keep the first `frames` frames of each (shorter videos stay as they are); None for all.
        seed: seed of the draw.
    """
    if videos is None and frames is None:
        return dataset
    where = f"{dataset.name}/{dataset.split}"
    if frames is not None and frames < 1:
        raise DataError(Problem(where, "`frames` must be at least 1", str(frames)))
    kept = all_of(dataset.videos).select(choose(all_of(dataset.videos).names, videos, seed, where), frames)
    parts = [dataset.fingerprint, str(frames), *all_of(kept).names]
    fingerprint = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return replace(dataset, videos=kept, fingerprint=fingerprint)
