"""`asymnas space`: a search space in words and as a drawing, and the difference of two."""

from __future__ import annotations

from typing import Annotated

import typer

from asymnas.core.commands import Json, command, print_json


@command
def space(
    words: Annotated[list[str], typer.Argument(metavar="SPACE | diff A B", help="Names of shipped spaces, or files.")],
    as_json: Json = False,
) -> None:
    """Describe a search space: size, genes, ties, cost and a drawing; `space diff A B` compares two.

    Example: asymnas space vlt_asymmetric; asymnas space diff vlt_asymmetric vlt_symmetric
    """
    from asymnas.space import describe, diff_spaces, draw, load_space

    if words[0] == "diff" and len(words) == 3:
        difference = diff_spaces(load_space(words[1]), load_space(words[2]))
        if as_json:
            print_json(difference.to_dict())
        else:
            typer.echo(str(difference))
        return
    if len(words) != 1:
        raise typer.BadParameter("give one SPACE, or `diff A B`")
    loaded = load_space(words[0])
    if as_json:
        print_json(describe(loaded))
    else:
        typer.echo(draw(loaded))
