"""Two workers joined by gloo, without Ray; each is a process that imports this module."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
import torch.distributed as dist
from toy_task import build

from asymnas.core.errors import AsymNASError
from asymnas.core.threads import torch_threads
from asymnas.training import TrainingConfig
from asymnas.training._exchange import PeerFailed, TorchExchange
from asymnas.training._loop import TrainingLoop


def run(rank: int, folder: str, cases: list[dict]) -> None:
    """Train every case as worker `rank` of two, and leave what ended it in outcome_{rank}.json."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    outcomes = []
    for case in cases:
        config = TrainingConfig(**case["config"])
        place = Path(folder) / case["name"]
        place.mkdir(exist_ok=True)
        exchange = TorchExchange(config.shards, torch.device("cpu"))
        with torch_threads(1):
            setup = build(seed=case.get("seeds", [0, 0])[rank], **case.get("build", {}))
            loop = TrainingLoop(setup, config, place, exchange, device=torch.device("cpu"))
            try:
                loop.run(resume=True, weights="supernet.safetensors")
                outcomes.append("done")
            except (AsymNASError, PeerFailed) as error:
                outcomes.append(f"{type(error).__name__}: {error}")
    (Path(folder) / f"outcome_{rank}.json").write_text(json.dumps(outcomes))
    dist.destroy_process_group()
    # Threads of gloo may still let go of tensors, which aborts the process while the interpreter shuts down.
    os._exit(0)
