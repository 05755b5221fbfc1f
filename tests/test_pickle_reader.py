"""The pickle interpreter and the tensors over it, against Python's and torch's own readers."""

import io
import math
import mmap
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from published_writer import (
    Call,
    Name,
    Network,
    New,
    PublishedOptions,
    legacy_storage,
    module_state,
    numpy_scalar,
    published_file,
    stored_tensor,
    tensor_call,
    text,
    write_pickle,
)

from ballgan.errors import CheckpointError
from ballgan.pickle_reader import (
    Budget,
    PersistentObject,
    PickleReader,
    PlainModule,
    copy_plain,
    quote,
)
from ballgan.published import collect_state, read_tree
from ballgan.stored_tensors import Storage, parse_legacy_storage
from ballgan.torch_archive import read_archive

PLAIN: list[Any] = [
    *(None, True, False, 0, 1, 255, 256, 65535, 65536, -1, 2**31 - 1, -(2**31), 2**40, -(2**70)),
    *(0.0, -1.5, math.pi, float("inf"), "", "text", "\u00e4\u6f22", "x" * 300, "y" * 70_000),
    *((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, [2, [3]]], {}, {"a": {"b": (1, [2])}}),
    *({"k": 1, "l": 2}, set(), {"a", "b"}, frozenset({"a"}), {1: 2}),
]


def tree_of(data: bytes) -> Any:
    """The tree of a published pickle in memory."""
    return read_tree(memoryview(bytearray(data)))


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_data_is_read_as_python_does(protocol: int) -> None:
    for value in PLAIN:
        if protocol < 4 and isinstance(value, (set, frozenset)):
            continue  # written as calls of builtins.set, which no model file has
        data = memoryview(bytearray(pickle.dumps(value, protocol=protocol)))
        read = PickleReader(data, {}, budget=Budget()).read_last()
        assert read == value and type(read) is type(value)


@pytest.mark.parametrize("protocol", range(3, 6))
def test_bytes_are_views_of_the_file(protocol: int) -> None:
    for value in (b"", b"abc", b"x" * 300):
        data = bytearray(pickle.dumps(value, protocol=protocol))
        read = PickleReader(memoryview(data), {}, budget=Budget()).read_last()
        assert type(read) is memoryview and read == value and read.obj is data


def test_bytes_of_protocol_2() -> None:
    value = bytes(range(256))
    assert bytes(tree_of(pickle.dumps(value, protocol=2))) == value


def test_several_pickles_in_one_file() -> None:
    data = b"".join(pickle.dumps(value) for value in (1, [2], "three"))
    reader = PickleReader(memoryview(data), {}, budget=Budget())
    assert [reader.read() for _ in range(3)] == [1, [2], "three"]
    assert reader.position == len(data)


def test_shared_and_cyclic_objects() -> None:
    inner: list[Any] = [1]
    outer: dict[str, Any] = {"a": inner, "b": inner}
    outer["self"] = outer
    read = tree_of(pickle.dumps(outer, protocol=4))
    assert read["a"] is read["b"] and read["self"] is read


def test_budget_ends_a_long_file() -> None:
    data = memoryview(b"\x80\x04" + b"N0" * 50 + b"N.")
    assert PickleReader(data, {}, budget=Budget(steps=101)).read_last() is None
    with pytest.raises(CheckpointError, match="more objects"):
        PickleReader(data, {}, budget=Budget(steps=100)).read_last()


def test_budget_of_text() -> None:
    data = memoryview(b"\x80\x04" + text("abc") + b".")
    assert PickleReader(data, {}, budget=Budget(text=3)).read_last() == "abc"
    with pytest.raises(CheckpointError, match="more text"):
        PickleReader(data, {}, budget=Budget(text=2)).read_last()


def test_numpy_scalars() -> None:
    np = pytest.importorskip("numpy")
    for value in (np.float64(0.1), np.float32(0.1), np.int64(-5), np.uint8(7), np.bool_(True)):
        for protocol in (2, 4):
            read = tree_of(pickle.dumps(value, protocol=protocol))
            assert read == value.item() and type(read) is type(value.item())
    big_endian = pickle.dumps(np.dtype(">f8").type(0.5), protocol=4)
    assert tree_of(big_endian) == 0.5
    for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        data = write_pickle(numpy_scalar(2.5))
        data = data.replace(text("numpy.core.multiarray"), text(module.decode()))
        length = len(data) - 11
        assert tree_of(data[:3] + length.to_bytes(8, "little") + data[11:]) == 2.5


def test_records() -> None:
    layer = Network("SynthesisLayer", {"clamp": 256.0}, {"weight": torch.ones(2)})
    softplus = New(
        Name("torch.nn.modules.activation", "Softplus"), module_state(Network("")) | {"beta": 1.0}
    )
    options = New(Name("dnnlib.util", "EasyDict"))
    tree = tree_of(
        write_pickle(
            {"G": Network("Generator", {"o": options}, {}, {"layer": layer, "act": softplus})}
        )
    )
    network = tree["G"]
    assert type(network) is PersistentObject and network.class_name == "Generator"
    assert network.state["o"] == {} and network.state["weight_gain"] == 0.5
    activation = network.state["_modules"]["act"]
    assert type(activation) is PlainModule and activation.class_name == "Softplus"
    assert activation.state["beta"] == 1.0
    assert repr(network) == "PersistentObject(Generator)"
    assert list(collect_state(network)) == ["layer.weight"]


def test_real_torch_modules() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softplus())
    module[0].register_buffer("kept", torch.arange(3))
    module[0].register_buffer("dropped", torch.arange(3), persistent=False)
    tree = tree_of(pickle.dumps(module, protocol=4))
    state = collect_state(tree)
    expected = module.state_dict()
    assert list(state) == list(expected) and tree.state["training"] is True
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_collect_state_refuses_what_is_no_module() -> None:
    for kind, value in (
        ("_parameters", {"w": 1}),
        ("_buffers", []),
        ("_modules", {"a": {"_parameters": {}}}),
    ):
        with pytest.raises(CheckpointError, match="is no"):
            collect_state(PersistentObject("Generator", {kind: value}))


DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8]


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_of_every_type(dtype: torch.dtype) -> None:
    tensor = torch.arange(24).to(dtype).view(2, 3, 4)
    for value in (tensor, tensor[1:], tensor.transpose(0, 2), tensor[0, 0, 0], tensor[:0]):
        read = tree_of(pickle.dumps(value, protocol=4))
        assert read.dtype == dtype and torch.equal(read, value)


def test_parameters_and_shared_storages() -> None:
    base = torch.nn.Parameter(torch.arange(6.0))
    tree = tree_of(pickle.dumps({"p": base, "q": base}, protocol=4))
    assert tree["p"] is tree["q"] and torch.equal(tree["p"], base)
    data = write_pickle({"t": stored_tensor(torch.zeros(2))})
    assert tree_of(data)["t"].shape == (2,)


def test_tensors_lie_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.pkl"
    path.write_bytes(write_pickle(torch.zeros(1000)))
    with open(path, "rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    tensor = read_tree(memoryview(mapping))
    tensor.fill_(1.0)
    one = b"\x00\x00\x80\x3f"
    assert one * 1000 in bytes(mapping) and one not in path.read_bytes()


def test_bool_tensors_are_numbers() -> None:
    read = tree_of(pickle.dumps(torch.tensor([True, False]), protocol=4))
    assert read.dtype == torch.uint8 and read.tolist() == [1, 0]


def test_view_within_its_storage() -> None:
    storage = Storage(memoryview(bytearray(4 * 10)), torch.float32)
    assert storage.view(2, (2, 4), (4, 1)).shape == (2, 4)
    assert storage.view(9, (), ()).shape == ()
    assert storage.view(0, (0, 5), (5, 1)).shape == (0, 5)
    for offset, size, stride in ((3, (2, 4), (4, 1)), (10, (), ()), (0, (11,), (1,))):
        with pytest.raises(CheckpointError, match="holds only 10"):
            storage.view(offset, size, stride)


def test_legacy_storage() -> None:
    storage = parse_legacy_storage(
        memoryview(bytearray(legacy_storage(torch.arange(5.0)))), Budget()
    )
    assert storage.tensor.tolist() == [0, 1, 2, 3, 4]


def test_archive_is_read_as_torch_does() -> None:
    base = torch.arange(12.0)
    value = {
        "all": base,
        "view": base.view(3, 4).t(),
        "part": base[2:5],
        "half": torch.ones(3, dtype=torch.float16),
        "scalar": torch.tensor(7),
        "parameter": torch.nn.Parameter(torch.ones(2, 2)),
        "empty": torch.zeros(0, 3),
        "state": torch.nn.Linear(2, 2).state_dict(),
        "list": [1, 2.5, "x", None, (True,)],
    }
    out = io.BytesIO()
    torch.save(value, out)
    read = read_archive(memoryview(bytearray(out.getvalue())))
    out.seek(0)
    expected = torch.load(out, weights_only=True)
    assert read["list"] == expected["list"] and list(read["state"]) == list(expected["state"])
    flat = [(read[k], v) for k, v in expected.items() if isinstance(v, torch.Tensor)]
    flat += [(read["state"][k], v) for k, v in expected["state"].items()]
    assert len(flat) == 9
    for ours, theirs in flat:
        assert ours.dtype == theirs.dtype and torch.equal(ours, theirs)
    assert read["all"].data_ptr() == read["view"].data_ptr()


class Stub:
    """Stands for any official class when Python's own unpickler reads a file that we made."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def reconstruct(meta: dict[str, Any]) -> Stub:
    """Stands for the official function of that purpose."""
    stub = Stub()
    stub.__dict__.update(meta["state"], class_name=meta["class_name"])
    return stub


class TrustingUnpickler(pickle.Unpickler):
    """Python's unpickler, for files known to be harmless."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "_reconstruct_persistent_obj":
            return reconstruct
        if module.startswith(("training.", "dnnlib.", "torch.nn.")):
            return type(name, (dict if name == "EasyDict" else Stub,), {})
        return super().find_class(module, name)


def trusted_state(module: Any, prefix: str = "") -> dict[str, torch.Tensor]:
    """State dict of what the trusting unpickler made, written without a thought of safety."""
    own = {**module._parameters, **module._buffers}
    state = {prefix + name: value for name, value in own.items() if value is not None}
    for name, child in module._modules.items():
        state |= trusted_state(child, f"{prefix}{name}.")
    return state


def assert_read_alike(data: bytes) -> None:
    """Our reader and Python's give the same weights and options."""
    tree, trusted = tree_of(data), TrustingUnpickler(io.BytesIO(data)).load()
    assert list(tree) == list(trusted)
    ours, theirs = collect_state(tree["G_ema"]), trusted_state(trusted["G_ema"])
    assert list(ours) == list(theirs) and len(ours) > 50
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    for key in ("rendering_kwargs", "_init_kwargs"):
        assert tree["G_ema"].state[key] == getattr(trusted["G_ema"], key)


@pytest.mark.parametrize("background", ["ver1", "ver0", None])
def test_published_file_is_read_as_python_does(background: str | None) -> None:
    assert_read_alike(published_file(PublishedOptions(background=background)))


def test_reference_files_are_read_as_python_does(references: Path) -> None:
    files = sorted(references.glob("*.pkl"))
    assert files
    for path in files:
        assert_read_alike(path.read_bytes())


def test_generators_of_one_file_share_tensors(references: Path) -> None:
    path = references / "ballgan-tiny.pkl"
    if not path.exists():
        pytest.skip(f"no {path.name} among the references")
    tree = tree_of(path.read_bytes())
    raw, averaged = collect_state(tree["G"]), collect_state(tree["G_ema"])
    different = [name for name in raw if raw[name] is not averaged[name]]
    assert different == ["backbone.synthesis.b4.const"]
    assert torch.equal(raw[different[0]], -averaged[different[0]])


def test_copy_plain() -> None:
    value = {"a": [1, 2.5, None, True, "x", (1, 2)], "b": {"c": {}}}
    assert copy_plain(value, "it") == {"a": [1, 2.5, None, True, "x", [1, 2]], "b": {"c": {}}}
    for bad, message in (
        ({1: 2}, "it has a key that is no text"),
        ({"a": torch.zeros(1)}, "it holds a Tensor"),
        ([1j], "it holds a complex"),
    ):
        with pytest.raises(CheckpointError, match=message):
            copy_plain(bad, "it")
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(CheckpointError, match="nested too deeply"):
        copy_plain(loop, "it")
    wide: list[Any] = []
    for _ in range(12):
        wide = [wide] * 8
    with pytest.raises(CheckpointError, match="more objects"):
        copy_plain(wide, "it")


def test_quote() -> None:
    assert quote("a\nb") == r"'a\nb'"
    assert quote("\u0430bc") == r"'\u0430bc'"
    assert len(quote("x" * 10**6)) < 100
    assert quote(["a", 1, object()]) == "['a', 1, a object]"
    loop: list[Any] = []
    loop.append(loop)
    assert "a list" in quote(loop)


def test_calls_are_never_made() -> None:
    for module, name in (("os", "getpid"), ("builtins", "print"), ("torch", "zeros")):
        with pytest.raises(CheckpointError, match=f"asks for '{module}.{name}'"):
            tree_of(write_pickle(Call(Name(module, name), (1,))))


def test_description_of_a_tensor_is_checked() -> None:
    for storage in (None, 3, "x", [1]):
        with pytest.raises(CheckpointError, match="not described as torch does it"):
            tree_of(write_pickle(tensor_call(storage, (1,), (1,))))
