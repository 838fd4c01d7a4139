"""`asymnas explain`: what a sentence selects inside a tracker, and where its answer comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asymnas.core.commands import DataRoot, Json, command, print_json, stderr
from asymnas.core.errors import DataError, Problem
from asymnas.core.files import disk_errors
from asymnas.tracking.cli.options import Split, read_box

if TYPE_CHECKING:
    from asymnas.tracking.benchmark.open import ReadyTracker
    from asymnas.tracking.explain.subject import Subject


@command
def explain(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or an architecture.json in it.")],
    video: Annotated[
        str,
        typer.Argument(metavar="VIDEO|DATASET:NAME", help="A video file, a folder of images, or a data set's video."),
    ],
    text: Annotated[list[str], typer.Option("--text", help="A sentence to look at it under; may be repeated.")] = [],  # noqa: B006 - typer copies it
    box: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="The target in the first frame of a VIDEO, in pixels.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Annotated boxes of a VIDEO, x,y,w,h a line, in pixels from 0.")
    ] = None,
    frame: Annotated[int | None, typer.Option(help="The frame to look at, from 0; the middle one by default.")] = None,
    trackers: Annotated[str, typer.Option(metavar="A,B", help="Trackers or runs to show beside it on the video.")] = "",
    split: Split = None,
    videos: Annotated[
        int, typer.Option(min=0, help="Videos of the data set whose words are looked at, at most; 0 for none.")
    ] = 100,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="The folder; explained/<video> by default.")
    ] = None,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Show the channels that a sentence selects, where the answer comes from, what words do, and several trackers on
    one video.

    Example: asymnas explain runs/vlt_scar synthetic:language_critical-00001 --trackers mil,template_matching -o inside
    """
    from asymnas.report import make_progress, print_sections
    from asymnas.tracking.benchmark.open import open_tracker
    from asymnas.tracking.explain.explain import check_tracker, explain_tracker
    from asymnas.tracking.explain.explanation import write_explanation

    subject = _subject(video, text, box, truth, frame, split, data_root)
    names = [name.strip() for name in trackers.split(",") if name.strip()]
    ready = open_tracker(run, data_root=data_root)
    check_tracker(ready)
    _check_texts(ready, text)
    folder = output or Path("explained") / re.sub(r"[^\w.-]+", "_", subject.video.name)
    with disk_errors(folder):  # before minutes of tracking rather than after
        folder.mkdir(parents=True, exist_ok=True)
    others = [open_tracker(name, data_root=data_root) for name in names]
    with make_progress(stderr(), silent=as_json) as progress:
        found = explain_tracker(ready, subject, others, videos=videos, progress=progress)
    files = write_explanation(found, folder)
    if as_json:
        print_json({**found.to_dict(), "files": [str(file) for file in files]})
        return
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    print_sections([part.section for part in found.parts])
    typer.echo("files: " + ", ".join(str(file) for file in files))


def _subject(
    video: str,
    text: list[str],
    box: str | None,
    truth: Path | None,
    frame: int | None,
    split: str | None,
    root: Path | None,
) -> Subject:
    from asymnas.tracking.explain.subject import dataset_subject, video_subject
    from asymnas.tracking.results import read_video_file

    texts = [" ".join(sentence.split()) for sentence in text]
    if not all(texts):
        raise DataError(Problem("--text", "must have a word", way_out="Leave it out: no sentence is always shown."))
    path = Path(video).expanduser()
    if path.exists():
        if split is not None:
            raise DataError(Problem("--split", "is a data set's, but a video is named", split, "Leave it out."))
        boxes = None if truth is None else read_video_file(truth)[0]
        return video_subject(path, box=None if box is None else read_box(box), truth=boxes, texts=texts, frame=frame)
    if ":" not in video:
        way_out = "Name a video file, a folder of images, or DATASET:NAME, such as synthetic:standard-00000."
        raise DataError(Problem(video, "the video must exist", "nothing of that name", way_out))
    given = [option for option, value in (("--box", box), ("--truth", truth)) if value is not None]
    if given:
        rule = "is for a video of one's own: the data set knows its boxes"
        raise DataError(Problem(", ".join(given), rule, way_out="Leave it out."))
    return dataset_subject(video, split=split, root=root, texts=texts, frame=frame)


def _check_texts(ready: ReadyTracker, text: list[str]) -> None:
    if text and not ready.reads_language:
        rule = f"changes nothing: {ready.name} reads no sentences"
        raise DataError(Problem("--text", rule, way_out="Leave it out."))
