"""The training loop that every worker runs, whatever engine started it."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from asymnas.core.errors import JobError, ModelError, Problem, RunFolderError
from asymnas.nn import save_weights, weights_hash
from asymnas.task import Batch
from asymnas.training._checkpoint import Checkpoint, latest_checkpoint, load_checkpoint, save_checkpoint
from asymnas.training._exchange import Exchange, together
from asymnas.training._gradients import ActiveSet, active_set, shard_row
from asymnas.training._journal import Journal
from asymnas.training._paths import paths_for_step
from asymnas.training.config import TrainingConfig, TrainingSetup, lr_at
from asymnas.training.optimizer import PathOptimizer

log = logging.getLogger("asymnas.training")

Batches = list[Batch]


class LoopStopped(Exception):
    """The loop was asked to stop and has left a checkpoint."""


class TrainingLoop:
    """One worker's training run.

    A step draws its paths and samples from (seed, step), sums the gradients of all shards in order, and updates the
    parameters of its paths. Nothing else carries over from step to step but weights and optimiser state; so a run that
    continues from a checkpoint ends with the weights of one that was never interrupted.

    The run folder is shared by all workers; training.jsonl, training/ and the final weights are there. `stop` is asked
    after every step; True ends the run with a checkpoint. `on_record` gets each line of training.jsonl, in worker 0.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        config: TrainingConfig,
        folder: Path,
        exchange: Exchange,
        *,
        device: torch.device,
        stop: Callable[[], bool] = lambda: False,
        on_record: Callable[[dict[str, Any]], None] = lambda record: None,
    ) -> None:
        if setup.batches.batch_size != config.batch_size:
            rule = f"must be that of the batches ({setup.batches.batch_size})"
            raise JobError(Problem("training.batch_size", rule, str(config.batch_size), "Build both from one number."))
        self.setup, self.config, self.folder, self.exchange = setup, config, folder, exchange
        self.model = setup.model.to(device).train()
        self.device, self._stop, self._on_record = device, stop, on_record
        self.optimizer = PathOptimizer(self.model, config)
        self.autocast = config.amp == "bf16" or (config.amp == "auto" and device.type == "cuda")
        self.step, self.seconds = 0, 0.0
        self.count, self.sums = 0, dict[str, float]()  # of the steps since the last line of training.jsonl

    def run(self, *, resume: bool, weights: str) -> None:
        """Train to the last step, from the last checkpoint with `resume`, and write the final `weights`, a file's name.

        Raises:
            LoopStopped: it was asked to stop.
            PeerFailed: another worker reports an error.
            AsymNASError: bad weights, data, losses or disk.
        """
        self._begin(resume)
        with self._batches() as batches:
            while self.step < self.config.steps:
                stopped = self._train_step(batches)
                if stopped or self.step % self.config.checkpoint_every == 0 or self.step == self.config.steps:
                    together(self.exchange, self._save)
                if stopped:
                    raise LoopStopped
        together(self.exchange, lambda: self._write_weights(weights))

    def _begin(self, resume: bool) -> None:
        def restore() -> list[int]:
            found = latest_checkpoint(self.folder / "training") if resume else None
            if found is not None:
                self._restore(found)
            return [self.step, int(weights_hash(self.model)[:15], 16)]

        state, _ = together(self.exchange, restore)
        if not self.exchange.same([state[0]]):
            rule = "must be one folder that all workers share"
            raise RunFolderError(Problem(str(self.folder), rule, "another checkpoint on each", "Use a network folder."))
        if not self.exchange.same(state):
            rule = "must build the same initial weights from the same seed in every worker"
            raise ModelError(Problem(type(self.model).__name__, rule, "", "Draw them from a seeded torch.Generator."))

        def open_journal() -> Journal | None:
            return Journal(self.folder / "training.jsonl", self.step) if self.exchange.rank == 0 else None

        self.journal, _ = together(self.exchange, open_journal)

    def _restore(self, folder: Path) -> None:
        own = {"identity": self.config.identity(), "space": self.model.space.hash}
        found = load_checkpoint(folder, self.model, self.optimizer, **own)
        self.step, progress = found.step, found.progress
        self.count, self.sums = progress["count"], progress["sums"]
        self.seconds = progress["seconds"]
        log.info("training continues from step %d of %d", self.step, self.config.steps)

    @contextmanager
    def _batches(self) -> Iterator[Iterator[Batches]]:
        """My shards of every step; drawn one step ahead in a thread if this machine has a core to spare for it."""

        def draw(step: int) -> Batches:
            return [self.setup.batches.batch(step, shard, self.config.shards) for shard in self.exchange.mine]

        steps = range(self.step, self.config.steps)
        if not steps or _cores() <= self.exchange.workers * self.config.threads:
            yield map(draw, steps)
            return

        def ahead() -> Iterator[Batches]:
            upcoming = pool.submit(draw, steps[0])
            for following in steps[1:]:
                ready, upcoming = upcoming, pool.submit(draw, following)
                yield ready.result()
            yield upcoming.result()

        with ThreadPoolExecutor(1, "asymnas-batches") as pool:
            yield ahead()

    def _train_step(self, batches: Iterator[Batches]) -> bool:
        began, config = time.perf_counter(), self.config
        sampling = config.sampling if config.architecture is None else config.architecture
        warmup = config.warmup_path_steps
        paths = paths_for_step(self.model.space, config.seed, self.step, sampling, warmup_path_steps=warmup)
        active = active_set(self.model, self.optimizer.parameters, paths)

        def compute() -> list[tuple[torch.Tensor, list[str]]]:
            rows = []
            for shard, batch in zip(self.exchange.mine, next(batches), strict=True):
                where = (config.seed, self.step, shard)
                row = shard_row(self.model, batch, self.device, paths, active, where=where, autocast=self.autocast)
                rows.append(row)
            return rows

        rows, stopped = together(self.exchange, compute, stop=self._stop())
        total = self.exchange.total([row for row, _ in rows]).div_(config.shards)
        norm = self._update(active, total)
        self.step += 1
        self.seconds += time.perf_counter() - began
        values = dict(zip(rows[0][1], active.losses(total), strict=True))
        self.count += 1
        for name, value in (values | {"grad_norm": norm, "seconds": time.perf_counter() - began}).items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        if self.step % config.log_every == 0 or self.step == config.steps:
            self._write_line()
        return stopped

    def _update(self, active: ActiveSet, total: torch.Tensor) -> float:
        gradient = active.gradient(total)
        norm = float(gradient.norm())
        if not math.isfinite(norm):
            way = "Lower training.lr or set training.clip_grad; the last checkpoint is kept."
            raise ModelError(Problem(f"training step {self.step}", "the gradient must be finite", str(norm), way))
        if self.config.clip_grad is not None and norm > self.config.clip_grad:
            gradient.mul_(self.config.clip_grad / norm)
        active.scatter(total)
        self.optimizer.step(lr_at(self.config, self.step))
        for parameter in active.parameters:
            parameter.grad = None
        return norm

    def _write_line(self) -> None:
        means = {name: value / self.count for name, value in self.sums.items()}
        seconds, norm = means.pop("seconds"), means.pop("grad_norm")
        self.count, self.sums = 0, {}
        record = {
            "step": self.step, "steps": self.config.steps, **means, "lr": lr_at(self.config, self.step - 1),
            "grad_norm": norm, "samples_per_second": self.config.batch_size / seconds,
            "eta_seconds": (self.config.steps - self.step) * seconds, "seconds": self.seconds,
        }  # fmt: skip

        def write() -> None:
            if self.journal is not None:
                self.journal.append(record)
                self._on_record(record)

        together(self.exchange, write)

    def _save(self) -> None:
        if self.exchange.rank != 0:
            return
        progress = {"count": self.count, "sums": self.sums, "seconds": self.seconds}
        checkpoint = Checkpoint(self.step, self.config.identity(), self.model.space.hash, progress)
        save_checkpoint(self.folder / "training", checkpoint, self.model, self.optimizer, self.setup.metadata)

    def _write_weights(self, name: str) -> None:
        if self.exchange.rank != 0:
            return
        save_weights(self.folder / name, self.model, self.setup.metadata | {"step": str(self.step)})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
