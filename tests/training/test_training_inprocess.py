"""The training loop in this process: what is updated, resume, errors, progress."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_task import ToyBatches, ToyModel, build, factory, toy_space

from asymnas.core.errors import DataError, JobError, ModelError, RunFolderError, WeightsError
from asymnas.core.seeding import rng_for
from asymnas.nn import load_weights, weights_hash
from asymnas.training import (
    TrainingConfig,
    TrainingSetup,
    paths_for_step,
    train_subnet,
    train_supernet,
)


def config(**more) -> TrainingConfig:
    base = {"steps": 12, "batch_size": 12, "shards": 2, "lr": 0.05, "log_every": 5, "checkpoint_every": 4}
    return TrainingConfig(**(base | more))


def run(folder, settings=None, *, make=None, resume=False, **options):
    return train_supernet(make or factory(), settings or config(), folder, engine="inprocess", resume=resume, **options)


def lines(folder):
    records = [json.loads(line) for line in (folder / "training.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if "second" not in key} for record in records]


def test_training_learns_and_reports(tmp_path):
    reports = []
    result = run(tmp_path, config(steps=60, log_every=20), on_progress=reports.append)
    assert [report.step for report in reports] == [20, 40, 60] and reports[0].steps == 60
    assert reports[-1].losses["total"] < 0.3 * reports[0].losses["total"]
    assert set(result.losses) == {"total", "error", "decay"} and result.losses == reports[-1].losses
    assert all(report.samples_per_second > 0 and report.eta_seconds >= 0 for report in reports)
    assert result.weights == tmp_path / "supernet.safetensors" and result.steps == 60
    assert result.weights_hash == weights_hash(result.weights)
    names = sorted(path.name for path in (tmp_path / "training").iterdir())
    assert names == ["step_00000056", "step_00000060"]
    assert list((tmp_path / "tensorboard").iterdir())


def test_same_seed_same_weights_other_seed_other_weights(tmp_path):
    seeds = [(0, 0), (0, 0), (1, 0), (0, 1)]
    hashes = [
        run(tmp_path / str(index), config(seed=paths), make=factory(seed=pairs)).weights_hash
        for index, (paths, pairs) in enumerate(seeds)
    ]
    assert hashes[0] == hashes[1] and len(set(hashes)) == 3


def test_random_layers_follow_the_seed_and_leave_torch_s_own_stream_alone(tmp_path):
    setups = [build(), build()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = run(tmp_path / "a", make=lambda: setups[0]).weights_hash
    assert torch.equal(torch.rand(3), expected)
    assert run(tmp_path / "b", make=lambda: setups[1]).weights_hash == first


def test_threads_are_given_back(tmp_path):
    before = torch.get_num_threads()
    run(tmp_path, config(steps=1, threads=before + 1))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_only_the_active_path_changes_and_its_state_alone(tmp_path, optimizer):
    setup = build()
    before = {name: value.clone() for name, value in setup.model.state_dict().items()}
    settings = config(steps=1, optimizer=optimizer, weight_decay=0.1)
    run(tmp_path, settings, make=lambda: setup)
    (path,) = paths_for_step(setup.model.space, 0, 0, "uniform")
    active = set(setup.model.active_parameters(path.genes))
    after = setup.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == active and len(active) < len(before)
    state = load_file(tmp_path / "training" / "step_00000001" / "optimizer.safetensors")
    assert {name.split("::")[0] for name in state} == active
    if optimizer == "adamw":
        assert all(float(state[f"{name}::step"]) == 1 for name in active)


def test_a_parameter_without_gradient_keeps_its_value(tmp_path):
    setup = build(all_words=True)
    before = setup.model.no_word.detach().clone()
    run(tmp_path, config(weight_decay=0.5), make=lambda: setup)
    assert torch.equal(setup.model.no_word, before)


def test_one_step_is_the_textbook_step(tmp_path):
    setup, reference = build(), build()
    settings = config(steps=1, shards=1, weight_decay=0.1, clip_grad=0.01, lr_scale={"stem.*": 0.5})
    run(tmp_path, settings, make=lambda: setup)
    (path,) = paths_for_step(reference.model.space, 0, 0, "uniform")
    batch = reference.batches.batch(0).to("cpu")
    torch.manual_seed(int(rng_for(0, "torch", 0, 0).integers(2**63)))
    reference.model.train().loss(batch, path.genes)["total"].backward()
    grads = [parameter.grad for parameter in reference.model.parameters() if parameter.grad is not None]
    norm = torch.cat([grad.reshape(-1) for grad in grads]).norm()
    for name, parameter in reference.model.named_parameters():
        if parameter.grad is not None:
            decay = 0.1 * parameter.data if parameter.dim() > 1 else 0
            rate = 0.05 * (0.5 if name.startswith("stem.") else 1)
            parameter.data -= rate * (parameter.grad * 0.01 / norm + decay)
    for name, value in reference.model.state_dict().items():
        torch.testing.assert_close(setup.model.state_dict()[name], value)


def test_fair_sampling_updates_every_op(tmp_path):
    setup = build()
    before = {name: value.clone() for name, value in setup.model.named_parameters()}
    run(tmp_path, config(steps=1, sampling="fair"), make=lambda: setup)
    assert not any(torch.equal(before[name], value) for name, value in setup.model.named_parameters())


@pytest.mark.parametrize("killed_at", [2, 4, 7, 11])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_killed_run_resumes_to_the_same_weights_and_log(tmp_path, killed_at, optimizer):
    settings = config(optimizer=optimizer, warmup_path_steps=3)
    whole = run(tmp_path / "whole", settings)
    with pytest.raises(DataError):
        run(tmp_path / "killed", settings, make=factory(missing_at=killed_at))
    (tmp_path / "killed" / "training" / ".step_00000099.1").mkdir()  # what a kill inside a checkpoint leaves
    resumed = run(tmp_path / "killed", settings, resume=True)
    assert resumed.weights_hash == whole.weights_hash and resumed.losses == whole.losses
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")
    assert not list((tmp_path / "killed" / "training").glob(".step*"))


def test_a_finished_run_resumes_without_training(tmp_path):
    whole = run(tmp_path)
    whole.weights.unlink()
    again = train_supernet(factory(missing_at=0), config(), tmp_path, engine="ray", resume=True)
    assert again.weights_hash == whole.weights_hash and again.losses == whole.losses
    assert again.weights.is_file() and again.seconds == whole.seconds > 0


def test_checkpoints_are_not_overwritten_unasked(tmp_path):
    run(tmp_path)
    with pytest.raises(RunFolderError, match="step_00000012"):
        run(tmp_path)


def test_ctrl_c_leaves_a_checkpoint(tmp_path):
    whole = run(tmp_path / "whole")

    class Interrupting(ToyBatches):
        def batch(self, step, shard=0, shards=1):
            if step == 6 and shard == 0:
                os.kill(os.getpid(), signal.SIGINT)
            return super().batch(step, shard, shards)

    def make():
        return TrainingSetup(ToyModel(toy_space()), Interrupting())

    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", make=make)
    assert signal.getsignal(signal.SIGINT) is before
    stopped = max(path.name for path in (tmp_path / "stopped" / "training").iterdir())
    assert stopped in ("step_00000006", "step_00000007")  # pairs may be drawn a step ahead
    assert run(tmp_path / "stopped", resume=True).weights_hash == whole.weights_hash


def test_a_loss_that_is_not_finite_names_step_path_and_items(tmp_path):
    with pytest.raises(ModelError) as caught:
        run(tmp_path, make=factory(nan_at=5))
    (path,) = paths_for_step(toy_space(), 0, 5, "uniform")
    for part in ("training step 5", path.key, "left.stage1.block1", "toy/item0", "total=nan"):
        assert part in str(caught.value)
    assert (tmp_path / "training" / "step_00000004").is_dir()


@pytest.mark.parametrize("damage", ["weights.safetensors", "optimizer.safetensors", "state.json"])
def test_a_corrupt_checkpoint_is_an_error_and_the_one_before_still_serves(tmp_path, damage):
    whole = run(tmp_path / "whole")
    with pytest.raises(DataError):
        run(tmp_path / "run", make=factory(missing_at=9))
    path = tmp_path / "run" / "training" / "step_00000008" / damage
    path.write_bytes(path.read_bytes()[:-9] + b"\1" * 9)
    with pytest.raises(WeightsError, match="Remove the folder step_00000008"):
        run(tmp_path / "run", resume=True)
    shutil.rmtree(path.parent)
    assert run(tmp_path / "run", resume=True).weights_hash == whole.weights_hash


def test_a_checkpoint_of_other_settings_or_space_is_refused(tmp_path):
    run(tmp_path)
    with pytest.raises(WeightsError, match=r"lr: the checkpoint was written with 0\.05, but got 0\.1"):
        run(tmp_path, config(lr=0.1), resume=True)
    with pytest.raises(WeightsError, match="the checkpoint is of the space"):
        run(tmp_path, make=factory(blocks=3), resume=True)


def test_a_full_disk_is_an_error_that_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    import asymnas.training._checkpoint as checkpoint

    write = checkpoint.save_weights

    def full(path, module, metadata):
        if metadata["step"] == "8":
            raise OSError(28, "No space left on device")
        write(path, module, metadata)

    whole = run(tmp_path / "whole")
    monkeypatch.setattr(checkpoint, "save_weights", full)
    with pytest.raises(WeightsError, match="No space left"):
        run(tmp_path / "run")
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "run" / "training").iterdir()] == ["step_00000004"]
    assert run(tmp_path / "run", resume=True).weights_hash == whole.weights_hash


def test_one_architecture_is_trained_alone(tmp_path):
    setup = build()
    before = {name: value.clone() for name, value in setup.model.state_dict().items()}
    (chosen,) = paths_for_step(setup.model.space, 0, 3, "uniform")
    result = train_subnet(lambda: setup, chosen, config(), tmp_path, engine="inprocess")
    assert result.weights.name == "subnet.safetensors"
    changed = {name for name, value in setup.model.state_dict().items() if not torch.equal(before[name], value)}
    assert changed == set(setup.model.active_parameters(chosen.genes))
    fresh = ToyModel(toy_space(), seed=3)
    load_weights(result.weights, fresh)
    assert weights_hash(fresh) == result.weights_hash


def test_drawing_pairs_ahead_changes_nothing(tmp_path, monkeypatch):
    hashes = []
    for cores in (1, 64):
        monkeypatch.setattr("asymnas.training._loop._cores", lambda cores=cores: cores)
        hashes.append(run(tmp_path / str(cores)).weights_hash)
        with pytest.raises(DataError, match="step 9"):
            run(tmp_path / f"error{cores}", make=factory(missing_at=9))
        assert (tmp_path / f"error{cores}" / "training" / "step_00000008").is_dir()
    assert hashes[0] == hashes[1]


def test_mixed_precision_only_where_asked_on_the_cpu(tmp_path):
    hashes = {amp: run(tmp_path / amp, config(amp=amp)).weights_hash for amp in ("auto", "off", "bf16")}
    assert hashes["auto"] == hashes["off"] != hashes["bf16"]


def test_bad_names_are_errors(tmp_path):
    with pytest.raises(JobError, match=r"lr_scale\[stam\.\*\]"):
        run(tmp_path / "a", config(lr_scale={"stam.*": 0.1}))
    with pytest.raises(JobError, match="Did you mean 'inprocess'"):
        train_supernet(factory(), config(), tmp_path / "b", engine="in_process")

    class Wrong(ToyModel):
        def active_parameters(self, path):
            return ["stem.weights"]

    with pytest.raises(ModelError, match=r"stem\.weights"):
        run(tmp_path / "c", make=lambda: TrainingSetup(Wrong(toy_space()), ToyBatches()))


def test_the_batch_size_is_that_of_the_batches(tmp_path):
    with pytest.raises(JobError, match=r"must be that of the batches \(6\), but got 12"):
        run(tmp_path, make=factory(batch_size=6))


def test_the_in_process_engine_needs_no_ray(tmp_path):
    code = (
        "import sys; from toy_task import factory; from asymnas.training import TrainingConfig, train_supernet; "
        f"train_supernet(factory(), TrainingConfig(steps=2, batch_size=12), {str(tmp_path)!r}, engine='inprocess'); "
        "sys.exit(', '.join({'ray', 'nni', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.stderr.strip() == "" and (tmp_path / "supernet.safetensors").is_file()


@pytest.mark.parametrize("kept", [0, 1])
def test_a_lost_last_line_is_told_with_the_way_back(tmp_path, kept):
    before = run(tmp_path, config(log_every=4))
    file = tmp_path / "training.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:kept]))
    with pytest.raises(RunFolderError, match=r"line of the last step, 12.*Delete the folder training/step_00000012"):
        run(tmp_path, config(log_every=4), resume=True)
    shutil.rmtree(tmp_path / "training" / "step_00000012")
    again = run(tmp_path, config(log_every=4), resume=True)
    assert (again.weights_hash, again.losses) == (before.weights_hash, before.losses)


@pytest.mark.parametrize("line", ["{not json", '{"step": 3'])
def test_a_damaged_line_is_told(tmp_path, line):
    run(tmp_path, config(log_every=4))
    file = tmp_path / "training.jsonl"
    first, *rest = file.read_text().splitlines(keepends=True)
    file.write_text(first + line + "\n" + "".join(rest))
    with pytest.raises(RunFolderError, match="a line is damaged, but got"):
        run(tmp_path, config(log_every=4), resume=True)
