"""`asymnas data`: what is on disk of a data set, and how its videos look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from asymnas.core.commands import DataRoot, Json, command, print_json, stderr
from asymnas.tracking.cli.options import read_options

if TYPE_CHECKING:
    from asymnas.tracking.data import DataReport

data = typer.Typer(
    name="data", help="Check data sets on disk, and look at their videos.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set; see `asymnas list datasets`.")]

Options = Annotated[
    list[str], typer.Option("--option", metavar="KEY=VALUE", help="An option of the data set; may be repeated.")
]


@data.command("check", epilog="Example: asymnas data check otb99_lang --decode")
@command
def check(
    name: Name,
    split: Annotated[str | None, typer.Option("--split", help="One split; by default all that are there.")] = None,
    data_root: DataRoot = None,
    decode: Annotated[bool, typer.Option("--decode", help="Decode every frame, not the first of each video.")] = False,
    videos: Annotated[
        int | None, typer.Option("--videos", min=1, help="Check so many videos, drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the draw.")] = 0,
    option: Options = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Count videos, frames, absent frames, missing sentences, and list every defect; exit code 1 if there are any."""
    from asymnas.tracking.data import check_dataset, splits_to_check

    options = read_options(option)
    splits, notes = ([split], []) if split else splits_to_check(name, data_root)
    reports = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr(), transient=True) as progress:
        for item in splits:
            task = progress.add_task(f"{name}/{item}", total=None)

            def on_video(index: int, total: int, video: str, task=task, item=item) -> None:
                progress.update(task, description=f"{name}/{item}: {video}", completed=index, total=total)

            report = check_dataset(
                name, item, data_root, decode=decode, videos=videos, seed=seed, options=options, on_video=on_video
            )
            progress.remove_task(task)
            reports.append(report)
            if not as_json:
                _print(report)
    if as_json:
        print_json({"reports": [report.to_dict() for report in reports], "notes": notes})
    for note in notes:
        typer.echo(note, err=True)
    if any(report.defects for report in reports):
        raise typer.Exit(1)


def _print(report: DataReport) -> None:
    from asymnas.report import Section, print_sections

    rows = [
        ("place", report.where),
        ("videos", report.videos),
        ("frames", report.frames),
        ("decoded", report.decoded),
        ("absent frames", report.absent),
        ("frames without a public box", report.unknown or None),
        ("videos without a sentence", len(report.without_sentence) if report.language else None),
        ("videos that cannot be read", len(report.unreadable)),
        ("broken frames", len(report.broken)),
        ("defects", len(report.defects)),
    ]
    shown = tuple((label, str(value)) for label, value in rows if value is not None)
    print_sections([Section(f"{report.dataset}/{report.split}", rows=shown)])
    for note in report.notes:
        typer.echo(f"note: {note}")
    for problem in report.defects:
        typer.echo(f"defect: {problem}")


@data.command("show", epilog="Example: asymnas data show otb99_lang Basketball -o sheet.png")
@command
def show(
    name: Name,
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="The video's name.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The picture: .png or .jpg.")],
    split: Annotated[str | None, typer.Option("--split", help="Its split; by default the first that has it.")] = None,
    data_root: DataRoot = None,
    frames: Annotated[int, typer.Option("--frames", min=1, max=200, help="Frames on the sheet, evenly spread.")] = 12,
    option: Options = [],  # noqa: B006 - typer copies it
    as_json: Json = False,
) -> None:
    """Draw frames of a video with their boxes, and its sentence, into one picture."""
    from asymnas.tracking.data import find_video
    from asymnas.tracking.pictures.drawing import save_picture
    from asymnas.tracking.pictures.sheets import draw_video_sheet

    found, where = find_video(name, video, split, data_root, read_options(option))
    sheet = draw_video_sheet(found, count=frames, title=f"{name}/{where}")
    save_picture(sheet, output)
    if not as_json:
        typer.echo(str(output))
        return
    facts: dict[str, object] = {"frames": len(found), "absent": int(found.absent.sum()), "sentence": found.sentence}
    facts |= {"attributes": sorted(found.attributes), "server": found.server}
    print_json({"file": str(output), "dataset": name, "split": where, "video": found.name, **facts})


@data.command("sentences", epilog="Example: asymnas data sentences synthetic --option captions=rules -o captions.json")
@command
def sentences(
    name: Name,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file: JSON.")],
    split: Annotated[str | None, typer.Option("--split", help="Its split; the benchmark's own by default.")] = None,
    data_root: DataRoot = None,
    option: Options = [],  # noqa: B006 - typer copies it
) -> None:
    """Write the sentences of a split by video, null for none: a file for `test --language` and `language.sentences`."""
    from asymnas.core.files import write_text
    from asymnas.tracking.data import dataset_info, load_dataset

    found = load_dataset(name, split or dataset_info(name).evaluated, root=data_root, **read_options(option))
    texts = {video.name: video.sentence for video in found.videos}
    write_text(output, json.dumps(texts, indent=1, ensure_ascii=False) + "\n")
    described = sum(text is not None for text in texts.values())
    typer.echo(f"{output}: {described} of {len(texts)} videos have a sentence")
