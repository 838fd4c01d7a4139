"""Starting Ray on this machine, or joining a Ray cluster that runs already."""

from __future__ import annotations

import logging
import socket
from typing import Any

from asymnas.core.errors import EvaluationError, Problem

__all__ = ["join_cluster", "start_local"]


def start_local(ray: Any, *, cpus: int | None) -> None:
    """Start Ray on this machine.

    Args:
        ray: the module; it is imported only where Ray is asked for.
        cpus: logical CPUs that it offers; None: as many as there are cores.

    Raises:
        EvaluationError: Ray does not start, as on a machine that is out of memory or far too busy.
    """
    try:
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            ignore_reinit_error=True,
        )
    except Exception as error:  # Ray raises a bare Exception where a node's start times out
        lines = str(error).strip().splitlines() or [type(error).__name__]
        way_out = "Try again when the machine is less busy, or evaluate and train in-process: `--engine inprocess`."
        raise EvaluationError(Problem("ray", "does not start on this machine", lines[0], way_out)) from error


def join_cluster(ray: Any, address: str) -> None:
    """Connect this process to the Ray cluster at an address.

    Args:
        ray: the module; it is imported only where Ray is asked for.
        address: "auto" or host:port.

    Raises:
        EvaluationError: no such address, or no cluster answers there.
    """
    where = Problem(
        "address", "no Ray cluster answers there", repr(address), "Start one with `ray start --head`, or leave it out."
    )
    if address != "auto":
        _probe(address, where)
    try:
        ray.init(address=address, logging_level=logging.WARNING, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise EvaluationError(where) from error


def _probe(address: str, where: Problem) -> None:
    """Fail at once where Ray would try to connect for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise EvaluationError(Problem("address", "must be auto or host:port", repr(address)))
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise EvaluationError(where) from error
