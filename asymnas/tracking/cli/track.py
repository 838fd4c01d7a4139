"""`asymnas track`: one target through a video, a camera or a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asymnas.core.commands import INTERRUPTED, DataRoot, Json, command, print_json, stderr
from asymnas.core.errors import DataError, Problem
from asymnas.tracking.cli.options import TrackerOptions, Weights, read_box, read_options

if TYPE_CHECKING:
    from asymnas.tracking.demo.track import TrackedFootage

VideoSource = Annotated[
    str, typer.Argument(metavar="VIDEO", help="A video file, a folder of images, or a camera's number (0).")
]
Box = Annotated[
    str | None,
    typer.Option(metavar="X,Y,W,H", help="The target in the first frame, in pixels; else drawn with the mouse."),
]
Sentence = Annotated[str | None, typer.Option(help="A sentence that describes the target.")]
Run = Annotated[
    Path | None, typer.Option(metavar="RUN", help="A run folder, or an architecture.json in it, to track with.")
]
TrackerName = Annotated[str | None, typer.Option(metavar="NAME", help="A tracker without a run: template_matching.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="The video to write; .txt, .json and .png go beside it.")
]
Truth = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Boxes to draw too, x,y,w,h a line, in pixels from 0.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")]
Rate = Annotated[float | None, typer.Option(min=0.1, max=1000, help="Frames per second, for sources that do not say.")]
Codec = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="The video's codec, by FFmpeg's name, e.g. libx265; else what its ending asks for."
    ),
]
Show = Annotated[bool, typer.Option("--show", help="Show it in a window meanwhile; q ends it.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are no earlier result.")]


@command
def track(
    video: VideoSource,
    box: Box = None,
    text: Sentence = None,
    run: Run = None,
    tracker: TrackerName = None,
    option: TrackerOptions = [],  # noqa: B006 - typer copies it
    weights: Weights = None,
    output: Output = None,
    truth: Truth = None,
    frames: Limit = None,
    fps: Rate = None,
    codec: Codec = None,
    show: Show = False,
    overwrite: Overwrite = False,
    data_root: DataRoot = None,
    as_json: Json = False,
) -> None:
    """Track one target and write a video with its box, score and sentence, the boxes, and a contact sheet.

    Example: asymnas track dog.mp4 --box 120,80,40,60 --text "the brown dog" --run runs/vlt_scar -o out.mp4
    """
    from asymnas.report import make_progress
    from asymnas.tracking.benchmark.open import open_tracker
    from asymnas.tracking.demo.track import check_request, track_footage
    from asymnas.tracking.demo.video_in import open_footage
    from asymnas.tracking.demo.window import Viewer, ask_box, no_desktop
    from asymnas.tracking.results import read_video_file

    _check_tracker(run, tracker)
    corner = None if box is None else read_box(box)
    boxes = None if truth is None else read_video_file(truth)[0]
    if show and (reason := no_desktop()):
        raise DataError(Problem("--show", "needs a desktop", reason, "Leave it out: the video is written anyway."))
    with open_footage(video, fps=fps) as footage:
        target = output or Path(f"{footage.name}_tracked.mp4")
        start = ask_box(footage.first) if corner is None else corner
        check_request(
            footage, start, target, codec=codec, overwrite=overwrite
        )  # before the tracker, which takes its time
        ready = open_tracker(str(run or tracker), options=read_options(option), weights=weights, data_root=data_root)
        viewer = Viewer()
        with make_progress(stderr(), silent=as_json) as progress:
            made = track_footage(
                ready,
                footage,
                start,
                target,
                sentence=" ".join(text.split()) if text and text.strip() else None,
                truth=boxes,
                limit=frames,
                codec=codec,
                overwrite=overwrite,
                progress=progress,
                show=viewer.show if show else None,
            )
        viewer.close()
    _print(made, as_json)
    if made.stopped == "interrupted":
        typer.echo(f"interrupted: the {len(made.boxes)} frames until then are kept", err=True)
        raise typer.Exit(INTERRUPTED)


def _check_tracker(run: Path | None, tracker: str | None) -> None:
    if (run is None) == (tracker is None):
        rule = "one of --run and --tracker must say what tracks"
        value = "none" if run is None else "both"
        way_out = "For example --run runs/vlt_scar, or --tracker template_matching; `asymnas list trackers` names them."
        raise DataError(Problem("", rule, value, way_out))


def _print(made: TrackedFootage, as_json: bool) -> None:
    record: dict[str, Any] = {key: value for key, value in made.record.items() if key not in ("boxes", "scores")}
    files = {name: str(file) for name, file in made.files.items()}
    if as_json:
        print_json({**record, "files": files})
        return
    for note in record["notes"]:
        typer.echo(f"note: {note}", err=True)
    rate = record["frames"] / max(record["seconds"]["tracker"], 1e-9)
    typer.echo(f"{record['frames']} frames with {record['tracker_name']}, {rate:.1f} frames/s in the tracker")
    for name, path in files.items():
        typer.echo(f"{name}: {path}")
