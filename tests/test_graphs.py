import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from conftest import TINY, make_model
from pretend_graph import PretendCuda, pretend_cuda
from torch import Tensor, nn

from ballgan import graphs, quick_synthesis, style_upsampling, superres
from ballgan.errors import Cancelled
from ballgan.generator import Generator
from ballgan.graphs import CALLS_BEFORE, GRAPHS_PER_NETWORK, drop_graphs, replay
from ballgan.style_upsampling import StyleUpsampling
from ballgan.stylenerf_config import StyleUpsamplingConfig


class Doubling(nn.Module):
    """x -> 2 x, where 2 is a weight; counts the calls that Python sees."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.calls = 0


def double(network: Doubling, x: Tensor, step: Any) -> Tensor:
    network.calls += 1
    if step is not None:
        step()
    return network.weight * x


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> PretendCuda:
    return pretend_cuda(monkeypatch)


@pytest.fixture
def network() -> Doubling:
    return Doubling().eval()


def settle(network: Doubling, count: int = 3) -> int:
    """Call it until it is recorded; how often Python has seen it."""
    for _ in range(CALLS_BEFORE + 1):
        replay(network, double, torch.ones(count))
    return network.calls


def test_a_call_that_comes_again_is_replayed(cuda: PretendCuda, network: Doubling) -> None:
    for i in range(CALLS_BEFORE):
        assert torch.equal(
            replay(network, double, torch.full((3,), 1.0 + i)), torch.full((3,), 2.0 + 2 * i)
        )
    assert network.calls == CALLS_BEFORE and cuda.recorded == 0
    seen = settle(network)
    assert cuda.recorded == 1
    first = replay(network, double, torch.tensor([1.0, 2.0, 3.0]))
    second = replay(network, double, torch.tensor([4.0, 5.0, 6.0]))
    assert network.calls == seen
    assert first.tolist() == [2, 4, 6] and second.tolist() == [8, 10, 12]
    with torch.inference_mode():
        third = replay(network, double, torch.ones(3))
    assert not third.is_inference() and third.tolist() == [2, 2, 2]


def test_weights_are_those_of_now(cuda: PretendCuda, network: Doubling) -> None:
    settle(network)
    network.weight.mul_(5)
    assert replay(network, double, torch.ones(1).expand(3)).tolist() == [10, 10, 10]
    settle(network)
    network.weight.data = torch.tensor(7.0)  # elsewhere: the recording would not see it
    assert replay(network, double, torch.ones(3)).tolist() == [7, 7, 7]


def test_training_is_never_recorded(cuda: PretendCuda, network: Doubling) -> None:
    with torch.enable_grad():
        settle(network)
        assert replay(network, double, torch.ones(3)).requires_grad
    network.train()
    settle(network)
    assert cuda.recorded == 0


def test_few_are_kept(cuda: PretendCuda, network: Doubling) -> None:
    for count in range(1, GRAPHS_PER_NETWORK + 2):
        settle(network, count)
    kept = graphs._calls[network].recordings
    assert len(kept) == GRAPHS_PER_NETWORK and cuda.recorded == GRAPHS_PER_NETWORK + 1
    seen = network.calls
    replay(network, double, torch.ones(2))
    assert network.calls == seen  # the first, of one number, made way
    drop_graphs()
    assert not kept
    replay(network, double, torch.ones(2))
    assert network.calls == seen + 1 and cuda.recorded == GRAPHS_PER_NETWORK + 1


def test_what_cannot_be_recorded_runs_as_usual(
    cuda: PretendCuda,
    network: Doubling,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cuda.fails, usual = 1, cuda.stream
    with caplog.at_level(logging.WARNING):
        settle(network)
        assert replay(network, double, torch.ones(3)).tolist() == [2, 2, 2]
    assert [record.getMessage() for record in caplog.records] == [
        "Doubling runs without a CUDA graph: "
        "CUDA error: operation not permitted when stream is capturing"
    ]
    assert cuda.recorded == 0 and cuda.stream is usual


def test_work_can_be_stopped_before_a_graph(cuda: PretendCuda, network: Doubling) -> None:
    settle(network)

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        replay(network, double, torch.ones(3), step=stop)
    assert replay(network, double, torch.ones(3)).tolist() == [2, 2, 2]


def test_recordings_go_with_their_network(cuda: PretendCuda) -> None:
    network = Doubling().eval()
    settle(network)
    before = len(graphs._calls)
    del network
    gc.collect()
    assert len(graphs._calls) == before - 1


def test_nothing_is_recorded_on_a_cpu(network: Doubling) -> None:
    settle(network)
    assert network not in graphs._calls


def check_replays(network: nn.Module, function: Any, draw: Any) -> None:
    """A recording gives what the network gives, for other inputs than it was made with."""
    for _ in range(CALLS_BEFORE + 3):
        inputs = draw()
        expected = function(network, *inputs, None)
        error = (replay(network, function, *inputs) - expected).std() / expected.std()
        assert error < (0.02 if expected.is_cuda else 1e-6)  # where bfloat16 may be rounded anew
    assert graphs._calls[network].recordings


def test_the_backbone_can_be_recorded(cuda: PretendCuda, tiny_model: Generator) -> None:
    assert tiny_model.backbone is not None
    count = TINY.num_field_ws
    check_replays(
        tiny_model.backbone,
        quick_synthesis._synthesize_at_once,
        lambda: (torch.randn(1, count, 16),),
    )


def test_super_resolution_can_be_recorded(cuda: PretendCuda, tiny_model: Generator) -> None:
    assert tiny_model.super_resolution is not None
    check_replays(
        tiny_model.super_resolution,
        superres._run_in_half_precision,
        lambda: (torch.randn(1, 8, 16, 16), torch.randn(1, 1, 16).expand(-1, 3, -1)),
    )


def test_the_image_head_of_stylenerf_can_be_recorded(cuda: PretendCuda) -> None:
    config = StyleUpsamplingConfig(8, (8, 6), start_resolution=4)
    head = StyleUpsampling(config, feature_channels=11, w_dim=8).eval()
    check_replays(
        head,
        style_upsampling._run_in_half_precision,
        lambda: (torch.rand(1, 11, 8, 8), torch.randn(1, head.num_ws, 8)),
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_replays_what_it_computes() -> None:
    model = make_model(TINY).to("cuda")
    assert model.backbone is not None and model.super_resolution is not None
    check_replays(
        model.backbone,
        quick_synthesis._synthesize_at_once,
        lambda: (torch.randn(1, TINY.num_field_ws, 16, device="cuda"),),
    )
    check_replays(
        model.super_resolution,
        superres._run_in_half_precision,
        lambda: (
            torch.randn(1, 8, 16, 16, device="cuda"),
            torch.randn(1, 1, 16, device="cuda").expand(-1, 3, -1),
        ),
    )
