"""The rules that branches, mixers and shared weights have to keep; each broken one is a problem at its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from asymnas.core.document import Document, Place
from asymnas.core.errors import AsymNASError, Problem, SpaceError, nearest
from asymnas.core.schema import problems_of
from asymnas.space._genes import Gene, stem_place
from asymnas.space._parts import Branch, Input, Mixer, Stage
from asymnas.space.mixers import LANGUAGE, MIXERS
from asymnas.space.ops import OPS

_UNKNOWN_OP, _TWICE_OP = "the op is not registered", "an op is listed once"


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def check_branches(branches: Sequence[Branch], inputs: Mapping[str, Input], document: Document) -> list[Problem]:
    """Check names, ops and mixers of all branches."""
    names = [branch.name for branch in branches]
    found = [
        Problem(document.where(("branches", name)), "branch names are unique", f"'{name}' twice")
        for name in _twice(names)
    ]
    if not branches:
        found.append(Problem(document.where(("branches",)), "a space needs at least one branch", "none"))
    sources = {LANGUAGE, *inputs, *names}
    for branch in branches:
        found += _check_branch(branch, sources - {branch.name}, document)
    seen: dict[tuple[str, str], Problem] = {}
    for item in found:  # a wrong op in a list that all stages take over is reported once
        about = item.value if item.rule in (_UNKNOWN_OP, _TWICE_OP) else item.where
        seen.setdefault((item.rule, about), item)
    return list(seen.values())


def _check_branch(branch: Branch, sources: set[str], document: Document) -> Iterator[Problem]:
    key: Place = ("branches", branch.name)
    if branch.stem is not None:
        yield from _check_ops([branch.stem.op], document.where((*key, "stem", "op")))
    if not branch.stages:
        yield Problem(document.where((*key, "stages")), "a branch needs at least one stage", "none")
    names = [stage.name for stage in branch.stages]
    names += [stage.mixer.name for stage in branch.stages if stage.mixer is not None]
    for name in _twice(names):
        rule = "names of stages and mixers are unique in a branch"
        yield Problem(document.where((*key, "stages")), rule, f"'{name}' twice")
    for stage in branch.stages:
        at: Place = (*key, "stages", stage.name)
        if stage.form == "mapping" and stage.stride != 1:
            rule = "form 'mapping' is for stages of stride 1; a strided block has the two-branch form anyway"
            yield Problem(document.where((*at, "form")), rule, f"stride {stage.stride}", "Leave `form` out.")
        yield from _check_ops(stage.ops, document.where((*at, "ops")))
        if stage.mixer is not None:
            yield from _check_mixer(stage.mixer, sources, (*at, "mixer"), document)


def _check_ops(ops: Sequence[str], where: str) -> Iterator[Problem]:
    if not ops:
        yield Problem(where, "a choice block needs at least one op", "none")
    for op in _twice(list(ops)):
        yield Problem(where, _TWICE_OP, f"'{op}' twice")
    for op in dict.fromkeys(ops):
        if op not in OPS:
            yield Problem(where, _UNKNOWN_OP, f"'{op}'", nearest(op, OPS))
            continue
        try:
            OPS.get(op)
        except SpaceError as error:
            yield from error.problems


def _check_mixer(mixer: Mixer, sources: set[str], key: Place, document: Document) -> Iterator[Problem]:
    if mixer.reads not in sources:
        rule = "a mixer reads the language, another input of the space or another branch"
        yield Problem(document.where((*key, "from")), rule, f"'{mixer.reads}'", nearest(mixer.reads, sources))
    try:
        kind = MIXERS.get(mixer.kind)
    except AsymNASError as error:
        yield from (Problem(document.where((*key, "kind")), p.rule, p.value, p.way_out) for p in error.problems)
        return
    try:
        blocks = mixer.blocks
    except ValidationError as error:
        known = ["name", "kind", "from", "ops", *kind.options.model_fields]
        for item in problems_of(error):
            way_out = "" if item.where in known else nearest(item.where, known)
            yield Problem(document.where((*key, item.where)), item.rule, item.value, way_out)
        return
    for block, ops in mixer.ops.items():
        at = (*key, "ops" if block == "*" else f"ops_{block}")
        if block != "*" and block not in blocks:
            yield Problem(document.where(at), f"a mixer of kind '{mixer.kind}' has no such block", f"'{block}'",
                          nearest(block, blocks))  # fmt: skip
        yield from _check_ops(ops, document.where(at))


def check_places(branches: Sequence[Branch], genes: Iterable[Gene], document: Document) -> list[Problem]:
    """Check that every op can run where it is left to choose; one problem for each key that lists ops."""
    found: dict[Place, Problem] = {}
    for branch in branches:
        place = stem_place(branch)
        if branch.stem is not None and place and (rule := OPS.get(branch.stem.op).error(place)) is not None:
            key: Place = ("branches", branch.name, "stem")
            found[key] = Problem(document.where(key), rule)
    for gene in genes:
        at = ("mixer", f"ops_{gene.block}") if gene.mixer is not None else ("ops",)
        key = ("branches", gene.branch, "stages", gene.stage, *at)
        for op in gene.ops:
            if key not in found and (rule := OPS.get(op).error(gene.place)) is not None:
                found[key] = Problem(document.where(key), f"'{op}' cannot run in {gene.id}: {rule}")
    return list(found.values())


def check_shared(groups: Sequence[Sequence[str]], branches: Sequence[Branch], document: Document) -> list[Problem]:
    """Check that branches that share weights exist, are named once and have the same layers."""
    found, seen = [], set()
    known = {branch.name: branch for branch in branches}
    for n, group in enumerate(groups):
        where = document.where(("share_weights", n))
        if len(group) < 2:
            found.append(Problem(where, "weights are shared by two branches or more", f"{list(group)}"))
        for m, name in enumerate(group):
            at = document.where(("share_weights", n, m))
            if name not in known:
                found.append(Problem(at, "the branch is not known", f"'{name}'", nearest(name, known)))
            elif name in seen:
                found.append(Problem(at, "a branch is in one group of shared weights", f"'{name}' twice"))
            seen.add(name)
        members = [known[name] for name in group if name in known]
        for other in members[1:]:
            if (difference := _layer_difference(members[0], other, group)) is not None:
                rule = f"branches that share weights have the same layers, but {members[0].name} and {other.name}"
                found.append(Problem(where, f"{rule} differ in {difference}"))
    return found


def _layer_difference(a: Branch, b: Branch, group: Sequence[str]) -> str | None:
    """Name the first thing in which two branches have other weights; sizes, rates and ops may differ."""
    if (a.input_channels, a.stem) != (b.input_channels, b.stem):
        return "their stem or input channels"
    if len(a.size) != len(b.size):
        return "their number of dimensions"
    if [stage.name for stage in a.stages] != [stage.name for stage in b.stages]:
        return "the names of their stages"
    for one, two in zip(a.stages, b.stages, strict=True):
        if _layers(one, group) != _layers(two, group):
            return f"stage '{one.name}'"
    return None


def _layers(stage: Stage, group: Sequence[str]) -> Stage:
    """The stage without its ops; what a mixer reads is the same where it is a branch of the group."""
    mixer = stage.mixer
    if mixer is not None:
        mixer = mixer.model_copy(update={"ops": {}, "reads": group[0] if mixer.reads in group else mixer.reads})
    return stage.model_copy(update={"ops": (), "mixer": mixer})
