"""Loading of annotations without frames."""

from __future__ import annotations

from pathlib import Path

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._annotation import AnnotationSet, annotation_of
from asymnas.tracking.data.registry import check_split, data_root, dataset_info, load_dataset

__all__ = ["load_annotations"]


def load_annotations(dataset: str, split: str | None = None, *, root: Path | str | None = None) -> AnnotationSet:
    """Load the annotations of a split; the frames need not be there.

    They are looked for in `root`: an archive or file, the folder it was unpacked to, the data set as downloaded, or a
    folder that holds one of these (the data root). Read are the toolkits' own files and the data set as downloaded;
    where both are there, the toolkit's, for it is what a benchmark evaluates with. Archives may be .zip or .tar with
    any compression.

    - `lasot`, `lasot_ext`: `annos/{<video>.txt, absent/, att/, nlp/}` of the LaSOT evaluation toolkit.
    - `tnl2k`: `gt_rect/<video>.txt`, `absent/<video>.txt`, `att/<video>_attribute.txt` of the TNL2K toolkit, together
      or in archives of their own side by side. Boxes and flags of different length are cut to the shorter.
    - `otb100`, `otb99_lang`: a JSON of boxes, `{name: {gt_rect, ...}}`. From the boxes of OTB-100 `otb99_lang` takes
      its 48 test or 51 training videos, without sentences.
    - `trackingnet`: `<video>.txt` of the development kit, or `TEST/anno/`.
    - any of these: the JSON of pysot, `{name: {gt_rect, img_names, attr, absent, phrase, ...}}`, where `absent` is 1
      for visible frames.
    - every other registered data set through its own reader, which may need frames.

    Args:
        dataset: registered name.
        split: None for the split that the benchmark evaluates on.
        root: see above; None for the data root of the environment.

    Raises:
        DataError: no annotations are found, more than one archive could be meant, files are damaged; all at once.
    """
    from asymnas.tracking.data.readers.annotations import as_downloaded, find
    from asymnas.tracking.data.readers.reader import Reader

    info = dataset_info(dataset)
    split = split or info.evaluated
    source: Path | None = None
    if info.layout:  # downloaded, not generated
        source = data_root() if root is None else Path(root).expanduser()
        if not source.exists():
            rule = "must be an archive, a file or a folder"
            raise DataError(Problem("annotations", rule, f"'{source}'", "Correct the path."))
        check_split(dataset, split)
        reader = getattr(info.load(), "__self__", None)
        found = find(dataset, split, source.resolve())
        if found is not None:
            return found
        if isinstance(reader, Reader):
            return as_downloaded(reader, split, source.resolve())
    loaded = load_dataset(dataset, split, root=source)
    annotations = tuple(annotation_of(video) for video in loaded.videos)
    return AnnotationSet(dataset, loaded.split, annotations, source or Path(dataset))
