"""Files that are whole or not there; links and devices stay what they are."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from asymnas.core.files import write_whole


@pytest.fixture
def umask():
    """A umask of 027 while the test runs."""
    old = os.umask(0o027)
    yield
    os.umask(old)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_rights_are_those_of_the_umask_or_of_the_file(tmp_path: Path, umask) -> None:
    write_whole(tmp_path / "new", b"1")
    assert _mode(tmp_path / "new") == 0o640
    (tmp_path / "new").chmod(0o600)
    write_whole(tmp_path / "new", b"2")
    assert _mode(tmp_path / "new") == 0o600 and (tmp_path / "new").read_bytes() == b"2"
    assert os.listdir(tmp_path) == ["new"]


def test_weights_are_readable_as_the_umask_says(tmp_path: Path, umask) -> None:
    import torch

    from asymnas.nn import write_weights

    write_weights(tmp_path / "supernet.safetensors", {"a": torch.zeros(2)}, {})
    assert _mode(tmp_path / "supernet.safetensors") == 0o640


@pytest.mark.parametrize("through", ["", "link"])
def test_a_full_device_is_told_and_stays_a_device(tmp_path: Path, through: str) -> None:
    path = Path("/dev/full")
    if through:
        path = tmp_path / "link"
        path.symlink_to("/dev/full")
    before = os.stat("/dev/full").st_ino
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"x")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode) and os.stat("/dev/full").st_ino == before


def test_a_pipe_gets_the_content(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write_whole(tmp_path / "pipe", b"content")
    reader.join(10)
    assert got == [b"content"] and stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_folder_and_a_circle_of_links_are_no_place(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for name in (".", "a"):
        with pytest.raises(OSError):
            write_whole(tmp_path / name, b"x")
