"""The evaluator of Ray actors, each of which holds the supernet; Ray is imported on first use only."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from asymnas.core.errors import AsymNASError, EvaluationError, JobError, MissingDependency, Problem
from asymnas.search._evaluators import OnResult, WorkerFactory, build_worker, evaluate_safely
from asymnas.search._searcher import check_counts
from asymnas.search.results import Evaluation, Task

if TYPE_CHECKING:
    from asymnas.search._evaluators import Worker

__all__ = ["RayEvaluator", "start_ray"]

logger = logging.getLogger("asymnas.search")

DEATHS = 3
"""A task whose worker died so often is recorded as failed; after so many deaths while being built, all is given up."""


class RayEvaluator:
    """Evaluates tasks by Ray actors that are made once and reused; scores equal those of `InProcessEvaluator`.

    A worker that dies is replaced and its task evaluated again. Ray is started on first use unless it runs already, and
    stopped by `close` if it was started here.

    Args:
        factory: picklable; called once in every actor. Large arguments are shipped through Ray's object store once.
        workers: number of actors, at least 1.
        address: None for this machine, "auto" or host:port for a cluster.
        cpus_per_worker: Ray CPUs of an actor, may be a fraction.
        gpus_per_worker: Ray GPUs of an actor, may be a fraction.
        threads: torch threads of each worker; None leaves the worker's own setting.

    Raises:
        JobError: a number is out of range.
    """

    def __init__(
        self,
        factory: WorkerFactory,
        *,
        workers: int = 1,
        address: str | None = None,
        cpus_per_worker: float = 1.0,
        gpus_per_worker: float = 0.0,
        threads: int | None = None,
    ) -> None:
        check_counts({"workers": workers, "threads": 1 if threads is None else threads}, least=1)
        for name, value in {"cpus_per_worker": cpus_per_worker, "gpus_per_worker": gpus_per_worker}.items():
            if not value >= 0:
                raise JobError(Problem(name, "must be at least 0", str(value)))
        self._factory = factory
        self._workers = workers
        self._address = address
        self._cpus = cpus_per_worker
        self._gpus = gpus_per_worker
        self._threads = threads
        self._actors: list[Any] = []
        self._factory_ref: Any = None
        self._owns_ray = False

    def evaluate(self, tasks: Sequence[Task], *, on_result: OnResult | None = None) -> list[Evaluation]:
        """Return the evaluations in task order (see `Evaluator.evaluate`).

        Raises:
            EvaluationError: the cluster cannot be reached or is too small, or no worker can be built.
        """
        if not tasks:
            return []
        try:
            self._start()
            return self._evaluate(tasks, on_result)
        except BaseException:  # also Ctrl-C: tasks still running must not outlive the call
            self._release()
            raise

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        self._release()
        if self._owns_ray:
            import ray

            ray.shutdown()
            self._owns_ray = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _evaluate(self, tasks: Sequence[Task], on_result: OnResult | None) -> list[Evaluation]:
        import ray
        from ray.exceptions import OutOfMemoryError, RayActorError

        waiting = deque(range(len(tasks)))
        idle = list(self._actors)
        running: dict[Any, tuple[int, Any]] = {}
        deaths = [0] * len(tasks)
        results: dict[int, Evaluation] = {}
        while waiting or running:
            while waiting and idle:
                position, actor = waiting.popleft(), idle.pop(0)
                running[actor.evaluate.remote(tasks[position])] = (position, actor)
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            position, actor = running.pop(ready)
            try:
                evaluation = ray.get(ready)
            except (RayActorError, OutOfMemoryError) as error:
                self._kill(actor)
                idle.append(self._built(*self._spawn()))
                deaths[position] += 1
                if deaths[position] < DEATHS:
                    logger.warning("A worker died and was replaced; its candidate is evaluated again.")
                    waiting.appendleft(position)
                    continue
                evaluation = Evaluation.failed(
                    tasks[position], f"the worker process died {DEATHS} times evaluating it.", traceback=str(error)
                )
            else:
                idle.append(actor)
            results[position] = evaluation
            if on_result is not None:
                on_result(position, evaluation)
        return [results[position] for position in range(len(tasks))]

    def _start(self) -> None:
        """Connect to Ray and build the actors that are missing."""
        if self._actors:
            return
        self._owns_ray |= start_ray(self._address, cpus=self._workers * self._cpus)
        ray = _import_ray()
        have = ray.cluster_resources()
        for kind, each in {"CPU": self._cpus, "GPU": self._gpus}.items():
            if self._workers * each > have.get(kind, 0) + 1e-6:
                raise EvaluationError(
                    Problem(
                        "workers",
                        f"{self._workers} workers with {each:g} {kind} each need {self._workers * each:g} {kind}",
                        f"{have.get(kind, 0):g} in the Ray cluster",
                        "Lower the number of workers or their share.",
                    )
                )
        self._factory_ref = ray.put(ray.cloudpickle.dumps(self._factory))  # as bytes: read with the path set
        for spawned in [self._spawn() for _ in range(self._workers)]:  # all build at the same time
            self._built(*spawned)

    def _spawn(self) -> tuple[Any, Any]:
        """Start an actor; return it and the reference that is ready once it is built."""
        import ray

        remote = ray.remote(num_cpus=self._cpus, num_gpus=self._gpus, max_restarts=0, max_task_retries=0)(_Actor)
        actor: Any = remote.remote(self._threads, sys.path, os.getcwd())
        self._actors.append(actor)
        return actor, actor.build.remote(self._factory_ref)

    def _built(self, actor: Any, built: Any) -> Any:
        """Wait until an actor is built and return it; one that dies on the way is replaced, a few times."""
        import ray
        from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

        for attempt in range(1, DEATHS + 1):
            try:
                ray.get(built)
                break
            except RayTaskError as error:
                if isinstance(error.cause, AsymNASError):
                    raise error.cause from None
                cause = f"{type(error.cause).__name__}: {error.cause}"
                raise EvaluationError(f"a worker could not be built: {cause}") from error
            except (RayActorError, OutOfMemoryError) as error:
                if attempt == DEATHS:
                    raise EvaluationError(
                        f"a worker process died {DEATHS} times while being built: {error} Is there enough memory?"
                    ) from error
                self._kill(actor)
                actor, built = self._spawn()
        return actor

    def _kill(self, actor: Any) -> None:
        import ray

        ray.kill(actor)
        self._actors.remove(actor)

    def _release(self) -> None:
        for actor in tuple(self._actors):
            self._kill(actor)
        self._factory_ref = None


class _Actor:
    """A worker in a process of its own."""

    def __init__(self, threads: int | None, path: list[str], folder: str) -> None:
        if threads is not None:  # before the worker imports its libraries
            os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
        sys.path.extend(
            entry for entry in path if entry not in sys.path
        )  # the user's modules are found as in the driver
        if os.path.isdir(folder):  # on another machine it need not exist
            os.chdir(folder)
        self._threads = threads
        self._worker: Worker | None = None

    def build(self, factory: bytes) -> None:
        from ray import cloudpickle

        self._worker = build_worker(cloudpickle.loads(factory), self._threads)

    def evaluate(self, task: Task) -> Evaluation:
        assert self._worker is not None
        return evaluate_safely(self._worker, task)


def start_ray(address: str | None, *, cpus: float) -> bool:
    """Start Ray on this machine or join a cluster, unless this process did so before.

    Args:
        address: None for this machine, "auto" or host:port for a cluster.
        cpus: logical CPUs that Ray on this machine offers at least; it offers one a core if that is more.

    Returns:
        Whether Ray was started here, so that the caller must call `ray.shutdown()`.

    Raises:
        MissingDependency: Ray is not installed.
        EvaluationError: no cluster answers at the address, or Ray does not start on this machine.
    """
    ray = _import_ray()
    if ray.is_initialized():
        return False
    _connect(ray, address, cpus)
    return True


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingDependency(
            "Ray is needed to evaluate by workers and is not installed. "
            "Run `pip install 'ray[tune]'` or evaluate in-process."
        ) from error
    return ray


def _connect(ray: Any, address: str | None, cpus: float) -> None:
    """Start Ray on this machine with enough logical CPUs for the workers, or join a cluster."""
    from asymnas.training import join_cluster, start_local  # training needs torch, reading results does not

    if address is None:
        start_local(ray, cpus=max(os.cpu_count() or 1, int(-(-cpus // 1))))
    else:
        join_cluster(ray, address)
