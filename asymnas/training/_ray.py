"""The engine on Ray Train: workers on this machine or a cluster, joined by torch.distributed."""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asymnas.core.errors import AsymNASError, JobError, MissingDependency, Problem
from asymnas.core.files import write_whole
from asymnas.core.runtime.cluster import import_ray, start_ray
from asymnas.training._journal import Tail
from asymnas.training.config import TrainingConfig, TrainingSetup

log = logging.getLogger("asymnas.training")

_POLL_SECONDS = 0.2


def run_ray(
    factory: Callable[[], TrainingSetup],
    config: TrainingConfig,
    folder: Path,
    *,
    weights: str,
    on_record: Callable[[dict[str, Any]], None],
    address: str | None,
    cpus: int | None,
    first_step: int,
) -> None:
    """Train with `config.workers` Ray workers.

    The run folder carries everything between workers and this process: checkpoints, training.jsonl, the final weights
    and a worker's error. On a cluster it must be on a file system that all nodes share. A worker that dies is replaced
    and training continues from the last checkpoint, at most `config.max_failures` times. Arguments are those of
    `train_supernet`; `first_step` is the step of the checkpoint that training continues from.

    Raises:
        KeyboardInterrupt: on Ctrl-C, after the running step and a checkpoint.
        AsymNASError: the worker's own, or that workers kept dying.
    """
    config = config.model_copy(update={"workers": min(config.workers, config.shards)})
    state = folder / "training"
    state.mkdir(parents=True, exist_ok=True)
    for left in [*state.glob("failure_*"), *state.glob("stop_*")]:
        left.unlink(missing_ok=True)
    # Named after this call: workers of a killed driver may outlive it by a moment, and must not be heard.
    token = f"{os.getpid()}_{time.time_ns()}"
    failed, stop = state / f"failure_{token}", state / f"stop_{token}"
    trainer = _trainer(factory, config, folder, address, cpus, {"weights": weights, "failed": failed, "stop": stop})
    _fit(trainer, stop, Tail(folder / "training.jsonl", first_step), on_record, config)
    if failed.is_file():
        error = pickle.loads(failed.read_bytes())
        failed.unlink()
        raise error
    shutil.rmtree(state / "ray", ignore_errors=True)
    if stop.exists():
        stop.unlink()
        raise KeyboardInterrupt


def _trainer(
    factory: Callable[[], TrainingSetup],
    config: TrainingConfig,
    folder: Path,
    address: str | None,
    cpus: int | None,
    names: dict[str, Any],
) -> Any:
    # Workers keep the directory of this process, so that relative paths in the factory mean the same there.
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    os.environ.setdefault("RAY_TRAIN_METRICS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    ray = import_ray()
    try:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer
        from ray.train.v2.api.config import LoggingConfig
    except ImportError as error:
        way = "Run `pip install 'ray[tune]'`, or train in this process."
        raise MissingDependency(Problem("engine", "Ray Train is needed for engine 'ray'", str(error), way)) from error
    start_ray(address, cpus)
    gpu = _check_resources(ray.cluster_resources(), config)
    resources: dict[str, float] = {"CPU": config.threads}
    return TorchTrainer(
        _work,
        train_loop_config=names
        # As bytes: only a worker, which knows this process' import path, can read what the user's modules define.
        | {"job": ray.cloudpickle.dumps((factory, config)), "folder": folder, "cwd": str(Path.cwd()), "path": sys.path},
        torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=config.workers, use_gpu=gpu, resources_per_worker=resources | ({"GPU": 1} if gpu else {})
        ),
        run_config=RunConfig(  # type: ignore[call-arg]  # ray.train.RunConfig is chosen by version at run time
            name="run",
            storage_path=str(folder / "training" / "ray"),
            failure_config=FailureConfig(max_failures=config.max_failures),
            logging_config=LoggingConfig(log_level="ERROR"),
        ),
    )


def _check_resources(available: dict[str, float], config: TrainingConfig) -> bool:
    """Whether workers get a GPU each; raises where Ray would wait for ever for what it does not have."""
    gpus, cpus = available.get("GPU", 0), available.get("CPU", 0)
    gpu = config.device == "cuda" or (config.device == "auto" and gpus >= config.workers)
    problems = []
    if cpus < config.workers * config.threads:
        rule = f"{config.workers} workers of {config.threads} threads need as many cores in the Ray cluster"
        problems.append(Problem("training.workers", rule, f"{cpus:g} cores", "Use fewer workers or threads."))
    if gpu and gpus < config.workers:
        rule = f"{config.workers} workers on CUDA need a GPU each in the Ray cluster"
        problems.append(Problem("training.device", rule, f"{gpus:g} GPUs", "Use fewer workers, or `device: cpu`."))
    if problems:
        raise JobError(problems)
    return gpu


def _work(payload: dict[str, Any]) -> None:
    """What each Ray worker runs. An error that is the user's ends all workers in order and is left in the folder."""
    import torch
    from ray.train import get_context
    from ray.train.torch import get_device

    from asymnas.core.threads import torch_threads
    from asymnas.training._exchange import Exchange, PeerFailed, TorchExchange, together
    from asymnas.training._loop import LoopStopped, TrainingLoop

    if Path(payload["cwd"]).is_dir():
        os.chdir(payload["cwd"])
    sys.path.extend(place for place in payload["path"] if place not in sys.path)
    config: TrainingConfig
    factory, config = pickle.loads(payload["job"])
    device = torch.device("cpu") if config.device == "cpu" else get_device()
    context = get_context()
    first, stop = context.get_world_rank() == 0, payload["stop"]
    with torch_threads(config.threads):
        alone = context.get_world_size() == 1
        exchange = Exchange(config.shards) if alone else TorchExchange(config.shards, device)
        try:
            setup, _ = together(exchange, factory)
            loop = TrainingLoop(
                setup, config, payload["folder"], exchange, device=device, stop=lambda: first and stop.exists()
            )
            # Always: a worker group that Ray has started again continues where the one before it left off.
            loop.run(resume=True, weights=payload["weights"])
        except (LoopStopped, PeerFailed):
            return
        except AsymNASError as error:
            _leave(error, payload["failed"])


def _leave(error: AsymNASError, file: Path) -> None:
    """Leave an error for the driver; where the folder takes no more, it is raised instead."""
    try:
        write_whole(file, pickle.dumps(error))
    except OSError:
        raise error from None


def _fit(
    trainer: Any, stop: Path, tail: Tail, on_record: Callable[[dict[str, Any]], None], config: TrainingConfig
) -> None:
    """Run the trainer in a thread, hand on what it logs, and turn Ctrl-C into the stop file."""
    raised: list[BaseException] = []
    # Not Thread.join: on Python 3.11 a join that Ctrl-C interrupts takes the thread for ended.
    done = threading.Event()

    def fit() -> None:
        try:
            trainer.fit()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            raised.append(error)
        finally:
            done.set()

    threading.Thread(target=fit, name="asymnas-ray-train", daemon=True).start()
    while not done.is_set():
        try:
            done.wait(_POLL_SECONDS)
            for record in tail.new():
                on_record(record)
        except KeyboardInterrupt:
            if stop.exists():
                raise
            stop.touch()
            log.info("stopping after this step; press Ctrl-C again to leave at once")
    for record in tail.new():
        on_record(record)
    if raised:
        raise _unwrap(raised[0], config) from raised[0]


def _unwrap(error: BaseException, config: TrainingConfig) -> BaseException:
    """The error that a user can act on, out of what Ray raises."""
    from ray.exceptions import RayError

    failures = getattr(error, "worker_failures", None) or {}
    own = [failures[rank] for rank in sorted(failures) if failures[rank] is not None]
    inner = [failure for failure in own if not isinstance(failure, RayError)]
    if inner:
        return next((failure for failure in inner if isinstance(failure, AsymNASError)), inner[0])
    if own:
        reason = str(own[0]).strip().splitlines()[0]
        way = "Look for an out-of-memory kill, lower batch_size or workers, then resume from the last checkpoint."
        rule = f"training workers must stay alive (replaced {config.max_failures} times)"
        return AsymNASError(Problem("training", rule, reason, way))
    return error
