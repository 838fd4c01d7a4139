"""The difference of two spaces: genes, ops, ties, fixes, constraints, layers, and whether one lies within the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from asymnas.space._architecture import ENUMERABLE
from asymnas.space._space import SearchSpace

Relation = Literal["equal", "a within b", "b within a", "neither within the other", "undecided"]


@dataclass(frozen=True, slots=True)
class SpaceDiff:
    """What is different in two spaces `a` and `b`.

    Attributes:
        names: of `a` and `b`.
        sizes: exact numbers of architectures before constraints.
        free: numbers of free genes.
        only_a: genes only `a` has.
        only_b: genes only `b` has.
        ops: gene -> the ops in `a` and in `b`, where they differ.
        layers: branch, stem, stage or mixer -> what it is in `a` and in `b`, where channels, strides, blocks, sizes or
            rates differ.
        settings: `tie`, `fix`, `without`, `constraints`, `share_weights` -> (only in `a`, only in `b`).
        relation: of the sets of paths; `undecided` where constraints differ and the spaces are too large to look at.
        same_weights: whether weights have the same names and shapes.
    """

    names: tuple[str, str]
    sizes: tuple[int, int]
    free: tuple[int, int]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    ops: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    layers: dict[str, tuple[Any, Any]]
    settings: dict[str, tuple[list[str], list[str]]]
    relation: Relation
    same_weights: bool

    @property
    def same(self) -> bool:
        """Whether nothing but the name differs."""
        return self.relation == "equal" and not self.layers and not self.settings

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as JSON values."""
        return {
            "a": {"name": self.names[0], "size": self.sizes[0], "free_genes": self.free[0]},
            "b": {"name": self.names[1], "size": self.sizes[1], "free_genes": self.free[1]},
            "relation": self.relation,
            "same_weights": self.same_weights,
            "genes": {"only_a": list(self.only_a), "only_b": list(self.only_b)},
            "ops": {gene: {"a": list(a), "b": list(b)} for gene, (a, b) in self.ops.items()},
            "layers": {name: {"a": a, "b": b} for name, (a, b) in self.layers.items()},
            "settings": {name: {"only_a": a, "only_b": b} for name, (a, b) in self.settings.items()},
        }

    def __str__(self) -> str:
        a, b = self.names
        if self.same:
            return f"{a} and {b} are the same space, {size_text(self.sizes[0])} architectures."
        relation = {"a within b": f"every path of {a} is one of {b}", "b within a": f"every path of {b} is one of {a}"}
        weights = "they fit the same supernet weights" if self.same_weights else "each needs a supernet of its own"
        lines = [
            f"- {a}: {size_text(self.sizes[0])} architectures, {self.free[0]} free genes",
            f"+ {b}: {size_text(self.sizes[1])} architectures, {self.free[1]} free genes",
            f"  paths: {relation.get(self.relation, self.relation)}; {weights}",
        ]
        lines += [f"- gene {name}" for name in self.only_a] + [f"+ gene {name}" for name in self.only_b]
        for name, (one, two) in self.ops.items():
            lines += [f"- {name}: {', '.join(one)}", f"+ {name}: {', '.join(two)}"]
        for name, (one, two) in self.layers.items():
            lines += [f"- {name}: {one}", f"+ {name}: {two}"]
        for name, (only, other) in self.settings.items():
            lines += [f"- {name}: {item}" for item in only] + [f"+ {name}: {item}" for item in other]
        return "\n".join(lines)


def size_text(size: int) -> str:
    """Write a size as a number, from a million on in powers of ten."""
    if size < 10**6:
        return f"{size:,}"
    digits = str(size)
    return f"{digits[0]}.{digits[1]}e{len(digits) - 1}"


def diff_spaces(a: SearchSpace, b: SearchSpace) -> SpaceDiff:
    """Compare two spaces."""
    genes_a, genes_b = ({gene.id: gene.ops for gene in space.genes} for space in (a, b))
    settings_a, settings_b = _settings(a), _settings(b)
    settings = {}
    for name in settings_a:
        only = [item for item in settings_a[name] if item not in settings_b[name]]
        other = [item for item in settings_b[name] if item not in settings_a[name]]
        if only or other:
            settings[name] = (only, other)
    layers_a, layers_b = _layers(a), _layers(b)
    names = dict.fromkeys((*layers_a, *layers_b))
    return SpaceDiff(
        names=(a.name, b.name),
        sizes=(a.size, b.size),
        free=(len(a.free_genes), len(b.free_genes)),
        only_a=tuple(name for name in genes_a if name not in genes_b),
        only_b=tuple(name for name in genes_b if name not in genes_a),
        ops={name: (ops, genes_b[name]) for name, ops in genes_a.items() if name in genes_b and ops != genes_b[name]},
        layers={n: (layers_a.get(n), layers_b.get(n)) for n in names if layers_a.get(n) != layers_b.get(n)},
        settings=settings,
        relation=_relation(a, b),
        same_weights=a.structure_hash == b.structure_hash,
    )


def _settings(space: SearchSpace) -> dict[str, list[str]]:
    return {
        "share_weights": [" + ".join(group) for group in space.share_weights],
        "tie": [" = ".join(sides) for sides in space.tie],
        "fix": [f"{pattern}: {op}" for pattern, op in space.fix.items()],
        "without": [f"{pattern}: {', '.join(ops)}" for pattern, ops in space.without.items()],
        "constraints": [str(item) for item in space.constraints],
    }


def _layers(space: SearchSpace) -> dict[str, Any]:
    """Each layer by name, without its ops, which are the genes'."""
    found: dict[str, Any] = {f"input {name}": item.plain() for name, item in space.inputs.items()}
    for branch in space.branches:
        found[branch.name] = {key: value for key, value in branch.plain().items() if key not in ("stem", "stages")}
        if branch.stem is not None:
            found[f"{branch.name}.stem"] = branch.stem.plain()
        for stage in branch.stages:
            content = stage.plain()
            found[f"{branch.name}.{stage.name}"] = {k: v for k, v in content.items() if k not in ("ops", "mixer")}
            if stage.mixer is not None:
                mixer = {"after": stage.name} | stage.mixer.plain()
                found[f"{branch.name}.{mixer.pop('name')}"] = mixer
    return found


def _relation(a: SearchSpace, b: SearchSpace) -> Relation:
    forth, back = _within(a, b), _within(b, a)
    if forth or back:
        return "equal" if forth and back else "a within b" if forth else "b within a"
    return "undecided" if forth is None or back is None else "neither within the other"


def _within(a: SearchSpace, b: SearchSpace) -> bool | None:
    """Whether every path of `a` is one of `b`; None where it cannot be decided."""
    if set(a.gene_ids) != set(b.gene_ids):
        return False
    extra = [item for item in b.constraints if item not in a.constraints]
    same_layers = _layers(a) == _layers(b) and a.share_weights == b.share_weights
    if extra or (a.constraints and not same_layers):
        if a.size > ENUMERABLE:
            return None if a.constraints or _choices_within(a, b) else False
        return all(_holds(b, arch.genes) for arch in a.enumerate())
    if _choices_within(a, b):
        return True
    if not a.constraints:
        return False
    return all(_holds(b, arch.genes) for arch in a.enumerate()) if a.size <= ENUMERABLE else None


def _choices_within(a: SearchSpace, b: SearchSpace) -> bool:
    """Whether ops, ties and fixes of `a` leave nothing open that `b` closes, constraints aside."""
    left = {gene.id: {a.fixed[gene.id]} if gene.id in a.fixed else set(gene.ops) for gene in a.genes}
    right = {gene.id: {b.fixed[gene.id]} if gene.id in b.fixed else set(gene.ops) for gene in b.genes}
    if any(not left[name] <= right[name] for name in left):
        return False
    for free in b.free_genes:
        one_decision = len({a.tied_to[name] for name in free.places}) == 1
        if not one_decision and len(set().union(*(left[name] for name in free.places))) > 1:
            return False
    return True


def _holds(space: SearchSpace, genes: dict[str, str]) -> bool:
    free = {gene.id: genes[gene.id] for gene in space.free_genes}
    if any(op not in gene.ops for gene, op in zip(space.free_genes, free.values(), strict=True)):
        return False
    arch = space.expand(free)
    return arch.genes == genes and space.satisfies(arch)
