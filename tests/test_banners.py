"""What libraries write to standard error while they load: banners stay off the screen, all else comes through."""

from __future__ import annotations

import os

import pytest

from bertbench.banners import quiet_banners

#: As TensorFlow 2.21 and 2.19 wrote them.
BANNERS = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1763.4 71 port.cc:153] oneDNN custom operations are on. You may see slightly different results",
    "E0000 00:00:1763.4 71 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: UNKNOWN ERROR (303)",
    "2026-11-26 06:31:13.554146: E external/local_xla/xla/stream_executor/cuda/cuda_fft.cc:467] Unable to register",
    "2026-11-26 06:31:17.480896: I tensorflow/core/platform/cpu_feature_guard.cc:210] This binary is optimized to use",
)

#: What a person must see, though it looks alike.
WORDS = (
    "E0000 00:00:1763.4 71 allocator.cc:12] out of memory",
    "2026-11-26 06:31:17.480896: F tensorflow/core/framework/tensor.cc:844] Check failed",
    "2026-11-26 06:31:17: a line of somebody else's log about CUDA",
    "the word oneDNN in a sentence",
    "no line break at the end",
)


def say(text: str) -> None:
    """As a library of C++ does, past Python's own streams."""
    os.write(2, text.encode())


@pytest.mark.parametrize("line", BANNERS)
def test_a_banner_is_held_back(capfd: pytest.CaptureFixture[str], line: str) -> None:
    with quiet_banners():
        say(f"{line}\n")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("line", WORDS)
def test_whatever_is_no_banner_comes_through(capfd: pytest.CaptureFixture[str], line: str) -> None:
    with quiet_banners():
        say(f"{BANNERS[1]}\n{line}")
    assert capfd.readouterr().err == line


def test_words_come_through_when_loading_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def load() -> None:
        say("libcudart.so: cannot open shared object file\n")
        raise ImportError

    with pytest.raises(ImportError), quiet_banners():
        load()
    say("afterwards\n")
    assert capfd.readouterr().err == "libcudart.so: cannot open shared object file\nafterwards\n"
