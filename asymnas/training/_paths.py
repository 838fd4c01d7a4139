"""Which paths a training step trains."""

from __future__ import annotations

from asymnas.core.errors import ArchitectureMismatch, InfeasibleConstraint, Problem
from asymnas.core.seeding import rng_for
from asymnas.space import Architecture, SearchSpace

_MAX_DRAWS = 2000


def paths_for_step(
    space: SearchSpace, seed: int, step: int, sampling: str | Architecture, *, warmup_path_steps: int = 0
) -> list[Architecture]:
    """The architectures that step `step` trains: a function of the arguments alone, so the same on every worker.

    Args:
        space: the search space.
        seed: of the training run.
        step: counted from 0.
        sampling: "uniform": one random architecture (SPOS; paper, eq. 2). "fair": as many as the largest gene has ops,
            together using each op of each free gene once (FairNAS' strict fairness; a gene with fewer ops repeats
            some). An architecture: always that one.
        warmup_path_steps: before this step, always one architecture drawn from the seed.

    Raises:
        InfeasibleConstraint: no fair set of architectures met the space's constraints.
        ArchitectureMismatch: the architecture given is of another space.
    """
    if not isinstance(sampling, str):
        if sampling.space.hash != space.hash:
            rule = f"it must be of the model's space '{space.name}' ({space.hash[:12]})"
            found = f"one of '{sampling.space.name}' ({sampling.space.hash[:12]})"
            way_out = "Build the model over the architecture's own space."
            raise ArchitectureMismatch(Problem("architecture", rule, found, way_out))
        return [sampling]
    if step < warmup_path_steps:
        return [space.sample(rng_for(seed, "warmup-path"))]
    if sampling == "uniform":
        return [space.sample(rng_for(seed, "path", step))]
    return _fair(space, seed, step)


def _fair(space: SearchSpace, seed: int, step: int) -> list[Architecture]:
    rng = rng_for(seed, "fair-paths", step)
    count = max((len(gene.ops) for gene in space.free_genes), default=1)
    for _ in range(_MAX_DRAWS):
        columns = {gene.id: [gene.ops[index] for index in rng.permutation(len(gene.ops))] for gene in space.free_genes}
        paths = [space.expand({gene: ops[index % len(ops)] for gene, ops in columns.items()}) for index in range(count)]
        if all(space.satisfies(path) for path in paths):
            return paths
    rule = f"fair sampling needs {count} architectures that use every op once and all meet the constraints"
    found = f"none in {_MAX_DRAWS} draws (acceptance below {1 / _MAX_DRAWS:.2%})"
    way_out = "Use `sampling: uniform`, or loosen the constraints."
    raise InfeasibleConstraint(Problem(f"space '{space.name}'", rule, found, way_out))
