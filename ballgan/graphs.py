"""Calls of a network that come again, recorded as CUDA graphs.

A network of many small layers keeps a GPU less busy than the processor that launches them one by
one. A graph is launched as a whole. It reads and writes memory of its own, so inputs are copied
into it and the output out of it. Only for calls without gradients.
"""

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from .stylegan2 import Step

log = logging.getLogger(__name__)

# function(network, *inputs, step) -> output; it waits for nothing and draws no random numbers.
Function = Callable[..., Tensor]

CALLS_BEFORE = 2  # calls of a kind as usual; from the next one on it is worth a recording
GRAPHS_PER_NETWORK = 2  # each keeps the memory that all layers need
KINDS_PER_NETWORK = 64  # of calls that are counted
WARM_UPS = 3  # calls that let libraries choose and prepare what they do

# One thread at a time records, or uses a recording; a recording endures no `empty_cache`.
recording_lock = threading.RLock()


class Recording:
    """A function of tensors of fixed shapes on one GPU as a CUDA graph."""

    def __init__(self, network: nn.Module, function: Function, inputs: tuple[Tensor, ...]) -> None:
        self._device = inputs[0].device
        self._graph, self._done = torch.cuda.CUDAGraph(), torch.cuda.Event()
        # Tensors made in inference mode could not be written to outside of it.
        with torch.cuda.device(self._device), torch.inference_mode(False), torch.no_grad():
            self._inputs = tuple(x.clone() for x in inputs)
            usual, side = torch.cuda.current_stream(), torch.cuda.Stream()
            side.wait_stream(usual)
            try:
                with torch.cuda.stream(side):
                    for _ in range(WARM_UPS):
                        function(network, *self._inputs, None)
                # Other threads may use the GPU meanwhile.
                with torch.cuda.graph(self._graph, stream=side, capture_error_mode="thread_local"):
                    self._output = function(network, *self._inputs, None)
            finally:
                torch.cuda.set_stream(usual)  # a recording that fails leaves it at the other one
            usual.wait_stream(side)
            self._done.record(usual)

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The function's output for inputs of the same shapes."""
        with torch.cuda.device(self._device), torch.inference_mode(False), torch.no_grad():
            stream = torch.cuda.current_stream()
            stream.wait_event(self._done)  # whoever called it last may have another stream
            for own, given in zip(self._inputs, inputs, strict=True):
                own.copy_(given)
            self._graph.replay()
            output = self._output.clone()
            self._done.record(stream)
        return output

    def close(self) -> None:
        """Give its memory back, once the GPU is done with it."""
        self._done.synchronize()
        self._graph.reset()


class _Calls:
    """What is known of the calls of one network, by their kind."""

    def __init__(self) -> None:
        self.counts: Counter[Hashable] = Counter()
        self.refused: set[Hashable] = set()
        self.recordings: OrderedDict[Hashable, Recording] = OrderedDict()

    def find(
        self, network: nn.Module, function: Function, inputs: tuple[Tensor, ...]
    ) -> Recording | None:
        """The recording of such a call, made if it is time for it; None: there is none."""
        kind = _describe(network, function, inputs)
        if kind in self.recordings:
            self.recordings.move_to_end(kind)
            return self.recordings[kind]
        if len(self.counts) >= KINDS_PER_NETWORK:
            self.counts.clear()
        self.counts[kind] += 1
        if self.counts[kind] <= CALLS_BEFORE or kind in self.refused:
            return None
        while len(self.recordings) >= GRAPHS_PER_NETWORK:
            self.recordings.popitem(last=False)[1].close()
        try:
            self.recordings[kind] = Recording(network, function, inputs)
        except RuntimeError as error:  # of memory, too
            self.refused.add(kind)
            reason = str(error).strip().partition("\n")[0]
            log.warning("%s runs without a CUDA graph: %s", type(network).__name__, reason)
        return self.recordings.get(kind)


_calls: WeakKeyDictionary[nn.Module, _Calls] = WeakKeyDictionary()


def replay(
    network: nn.Module, function: Function, *inputs: Tensor, step: Step | None = None
) -> Tensor:
    """`function(network, *inputs, step)`, by a CUDA graph if such calls come again on a GPU.

    `step` is called between layers, and once before a graph; it may wait, or raise to stop.
    """
    if not network.training and _may_record(inputs):
        if step is not None:  # not while others wait for the lock
            step()
        with recording_lock:
            recording = _calls.setdefault(network, _Calls()).find(network, function, inputs)
            if recording is not None:
                return recording(*inputs)
    return function(network, *inputs, step)


def drop_graphs() -> None:
    """Give back the memory of all graphs; such calls are recorded no more."""
    with recording_lock:
        for calls in list(_calls.values()):
            calls.refused |= calls.recordings.keys()
            while calls.recordings:
                calls.recordings.popitem()[1].close()


def _may_record(inputs: tuple[Tensor, ...]) -> bool:
    on_gpu = all(x.device.type == "cuda" for x in inputs)
    free = on_gpu and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cuda")
    return free and not torch.cuda.is_current_stream_capturing()


def _describe(network: nn.Module, function: Function, inputs: tuple[Tensor, ...]) -> Hashable:
    """The kind of a call: a recording reads the weights where they were, and does all as it was."""
    shapes = tuple((x.shape, x.stride(), x.dtype, x.device) for x in inputs)
    weights = tuple(x.data_ptr() for x in (*network.parameters(), *network.buffers()))
    return function, getattr(network, "config", None), shapes, weights
