"""Starting Ray on this machine, or joining a Ray cluster that runs already; Ray is imported only when asked for."""

from __future__ import annotations

import logging
import math
import os
import socket
from typing import Any

from asymnas.core.errors import EvaluationError, MissingDependency, Problem


def import_ray() -> Any:
    """Return the module `ray`; MissingDependency where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        way_out = "Run `pip install 'ray[tune]'`, or work in this process: `--engine inprocess`."
        raise MissingDependency(Problem("engine", "Ray is needed for engine `ray`", str(error), way_out)) from error
    return ray


def start_ray(address: str | None, cpus: float | None) -> bool:
    """Start Ray on this machine or join a cluster, unless this process did so before.

    Args:
        address: None for this machine, "auto" or host:port for a cluster.
        cpus: logical CPUs that Ray on this machine offers at least; it offers one a core if that is more, or for None.

    Returns:
        Whether Ray was started here, so that the caller must call `ray.shutdown()`.

    Raises:
        MissingDependency: Ray is not installed.
        EvaluationError: no cluster answers at the address, or Ray does not start on this machine.
    """
    ray = import_ray()
    if ray.is_initialized():
        return False
    if address is not None:
        _join(ray, address)
        return True
    count = max(os.cpu_count() or 1, math.ceil(cpus or 1))
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init(address="local", num_cpus=count, **quiet)
    except Exception as error:  # Ray raises a bare Exception where a node's start times out
        lines = str(error).strip().splitlines() or [type(error).__name__]
        way_out = "Try again when the machine is less busy, or work in this process: `--engine inprocess`."
        raise EvaluationError(Problem("ray", "does not start on this machine", lines[0], way_out)) from error
    return True


def _join(ray: Any, address: str) -> None:
    try:
        if address != "auto":  # Ray itself would try to connect for minutes
            host, _, port = address.removeprefix("ray://").rpartition(":")
            if not host or not port.isdecimal():
                raise EvaluationError(Problem("address", "must be auto or host:port", repr(address)))
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, logging_level=logging.WARNING, log_to_driver=False)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        way_out = "Start one with `ray start --head`, or leave it out."
        raise EvaluationError(Problem("address", "no Ray cluster answers there", repr(address), way_out)) from error
