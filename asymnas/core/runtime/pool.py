"""What answers requests: workers that are costly to build, the pool of them, and the pool of this process."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Requested = TypeVar("Requested", contravariant=True)
Answered = TypeVar("Answered", covariant=True)

OnAnswer = Callable[[int, Answer], None]
"""Called with a request's position and its answer as soon as that is there."""

Failed = Callable[[Request, Exception, str, float], Answer]
"""Turns what a worker raised into an answer: (request, exception, its traceback as text, seconds until then)."""


class Worker(Protocol[Requested, Answered]):
    """Answers one request at a time; holds all that is costly to build."""

    def handle(self, request: Requested) -> Answered:
        """Return the answer; an exception is an answer too, made of it by the pool's `failed`."""


class Pool(Protocol[Requested, Answer]):
    """Answers many requests. One worker or many, this process or others: the same answers come back."""

    def map(self, requests: Sequence[Requested], on_answer: OnAnswer[Answer] | None = None) -> list[Answer]:
        """Return the answers in the order of the requests.

        An exception of `on_answer` ends the work and is passed on; the pool can be used again afterwards.

        Args:
            requests: what to answer.
            on_answer: called in this process as answers come, in any order.
        """

    def close(self) -> None:
        """Release all workers; the next `map` would build new ones."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class InProcessPool(Generic[Request, Answer]):
    """Answers one request after the other in this process, without Ray; made for debugging, with equal answers.

    `factory` builds the worker for the first request, `failed` makes an answer of what it raised, and `threads` is set
    as its attribute of that name; None leaves the worker's own.
    """

    def __init__(
        self,
        factory: Callable[[], Worker[Request, Answer]],
        *,
        failed: Failed[Request, Answer],
        threads: int | None = None,
    ) -> None:
        self._factory, self._failed, self._threads = factory, failed, threads
        self._worker: Worker[Request, Answer] | None = None

    def map(self, requests: Sequence[Request], on_answer: OnAnswer[Answer] | None = None) -> list[Answer]:
        """Return the answers in the order of the requests (see `Pool.map`)."""
        answers = []
        for position, request in enumerate(requests):
            if self._worker is None:
                self._worker = built(self._factory, self._threads)
            answers.append(answered(self._worker, request, self._failed))
            if on_answer is not None:
                on_answer(position, answers[-1])
        return answers

    def close(self) -> None:
        """Let go of the worker."""
        self._worker = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def built(factory: Callable[[], Worker[Request, Answer]], threads: int | None) -> Worker[Request, Answer]:
    """Build a worker and set its threads."""
    worker = factory()
    if threads is not None:
        worker.threads = threads  # type: ignore[attr-defined]
    return worker


def answered(worker: Worker[Request, Answer], request: Request, failed: Failed[Request, Answer]) -> Answer:
    """Answer a request, whatever the worker raises."""
    started = time.perf_counter()
    try:
        return worker.handle(request)
    except Exception as error:  # noqa: BLE001 - any failure is the request's own
        return failed(request, error, traceback.format_exc(), time.perf_counter() - started)
