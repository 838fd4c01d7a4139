"""A pool of Ray actors, each of which holds a worker; Ray is imported on first use only."""

from __future__ import annotations

import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, Self, TypeVar

from asymnas.core.errors import AsymNASError, EvaluationError, Problem
from asymnas.core.runtime.cluster import import_ray, start_ray
from asymnas.core.runtime.pool import Failed, OnAnswer, Worker, answered, built

logger = logging.getLogger("asymnas.runtime")

DEATHS = 3
"""A request whose worker died so often fails; after so many deaths while a worker is built, all is given up."""

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class ActorPool(Generic[Request, Answer]):
    """Answers requests by Ray actors that are made once and reused; the answers equal those of `InProcessPool`.

    A worker that dies is replaced and its request answered by another. Ray is started on first use unless it runs
    already, and stopped by `close` if it was started here.

    Args:
        factory: picklable; called once in every actor. Large arguments are shipped through Ray's object store once.
        failed: makes an answer of what a worker raised; picklable, for it is called beside the worker.
        workers: number of actors, at least 1.
        address: None for this machine, "auto" or host:port for a cluster.
        cpus_per_worker, gpus_per_worker: of Ray, may be fractions.
        threads: threads of each worker; None leaves the worker's own.
    """

    def __init__(
        self,
        factory: Callable[[], Worker[Request, Answer]],
        *,
        failed: Failed[Request, Answer],
        workers: int = 1,
        address: str | None = None,
        cpus_per_worker: float = 1.0,
        gpus_per_worker: float = 0.0,
        threads: int | None = None,
    ) -> None:
        self._factory, self._failed = factory, failed
        self._workers, self._address = workers, address
        self._cpus, self._gpus, self._threads = cpus_per_worker, gpus_per_worker, threads
        self._actors: list[Any] = []
        self._recipe: Any = None
        self._owns_ray = False

    def map(self, requests: Sequence[Request], on_answer: OnAnswer[Answer] | None = None) -> list[Answer]:
        """Return the answers in the order of the requests (see `Pool.map`).

        EvaluationError where the cluster cannot be reached or is too small, or no worker can be built.
        """
        if not requests:
            return []
        try:
            self._start()
            return self._answers(requests, on_answer)
        except BaseException:  # also Ctrl-C: requests still running must not outlive the call
            self._release()
            raise

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        self._release()
        if self._owns_ray:
            import_ray().shutdown()
            self._owns_ray = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _answers(self, requests: Sequence[Request], on_answer: OnAnswer[Answer] | None) -> list[Answer]:
        import ray
        from ray.exceptions import OutOfMemoryError, RayActorError

        waiting, idle = deque(range(len(requests))), list(self._actors)
        running: dict[Any, tuple[int, Any]] = {}
        deaths = [0] * len(requests)
        answers: dict[int, Answer] = {}
        while waiting or running:
            while waiting and idle:
                position, actor = waiting.popleft(), idle.pop(0)
                running[actor.handle.remote(requests[position])] = (position, actor)
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            position, actor = running.pop(ready)
            try:
                answer = ray.get(ready)
                idle.append(actor)
            except (RayActorError, OutOfMemoryError) as error:
                self._kill(actor)
                idle.append(self._ready(*self._spawn()))
                deaths[position] += 1
                if deaths[position] < DEATHS:
                    logger.warning("A worker died and was replaced; what it was doing is done again.")
                    waiting.appendleft(position)
                    continue
                died = EvaluationError(f"the worker process died {DEATHS} times on it.")
                answer = self._failed(requests[position], died, str(error), 0.0)
            answers[position] = answer
            if on_answer is not None:
                on_answer(position, answer)
        return [answers[position] for position in range(len(requests))]

    def _start(self) -> None:
        """Connect to Ray and build the actors, if there are none."""
        if self._actors:
            return
        self._owns_ray |= start_ray(self._address, self._workers * self._cpus)
        ray = import_ray()
        have = ray.cluster_resources()
        for kind, each in {"CPU": self._cpus, "GPU": self._gpus}.items():
            if self._workers * each > have.get(kind, 0) + 1e-6:
                rule = f"{self._workers} workers with {each:g} {kind} each need {self._workers * each:g} {kind}"
                got, way_out = f"{have.get(kind, 0):g} in the Ray cluster", "Use fewer workers, or a smaller share."
                raise EvaluationError(Problem("workers", rule, got, way_out))
        # as bytes: an actor reads them once its import path is that of this process
        self._recipe = ray.put(ray.cloudpickle.dumps((self._factory, self._failed)))
        for spawned in [self._spawn() for _ in range(self._workers)]:  # all build at the same time
            self._ready(*spawned)

    def _spawn(self) -> tuple[Any, Any]:
        """Start an actor; return it and the reference that is ready once its worker is built."""
        import ray

        remote = ray.remote(num_cpus=self._cpus, num_gpus=self._gpus, max_restarts=0, max_task_retries=0)(_Actor)
        actor: Any = remote.remote(self._threads, sys.path, os.getcwd())
        self._actors.append(actor)
        return actor, actor.build.remote(self._recipe)

    def _ready(self, actor: Any, reference: Any) -> Any:
        """Wait until an actor's worker is built and return the actor; one that dies on the way is replaced."""
        import ray
        from ray.exceptions import OutOfMemoryError, RayActorError, RayTaskError

        for attempt in range(1, DEATHS + 1):
            try:
                ray.get(reference)
                break
            except RayTaskError as error:
                if isinstance(error.cause, AsymNASError):
                    raise error.cause from None
                cause = f"{type(error.cause).__name__}: {error.cause}"
                raise EvaluationError(f"a worker could not be built: {cause}") from error
            except (RayActorError, OutOfMemoryError) as error:
                if attempt == DEATHS:
                    text = f"a worker process died {DEATHS} times while being built: {error} Is there enough memory?"
                    raise EvaluationError(text) from error
                self._kill(actor)
                actor, reference = self._spawn()
        return actor

    def _kill(self, actor: Any) -> None:
        import ray

        ray.kill(actor)
        self._actors.remove(actor)

    def _release(self) -> None:
        for actor in tuple(self._actors):
            self._kill(actor)
        self._recipe = None


class _Actor:
    """A worker in a process of its own."""

    def __init__(self, threads: int | None, path: list[str], folder: str) -> None:
        if threads is not None:  # before the worker imports its libraries
            os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
        sys.path.extend(entry for entry in path if entry not in sys.path)  # modules are found as in the driver
        if os.path.isdir(folder):  # on another machine it need not exist
            os.chdir(folder)
        self._threads = threads

    def build(self, recipe: bytes) -> None:
        from ray import cloudpickle

        factory, self._failed = cloudpickle.loads(recipe)
        self._worker: Worker[Any, Any] = built(factory, self._threads)

    def handle(self, request: Any) -> Any:
        return answered(self._worker, request, self._failed)
