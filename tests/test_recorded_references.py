"""The project's own recorded networks keep giving what they gave when parity was last checked."""

import json

import numpy as np
import pytest
import torch
from record_references import CONFIGS, FOLDER, compute

from ballgan.config import ModelConfig
from ballgan.generator import Generator


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_recorded_outputs(name: str) -> None:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        arrays = dict(file)
    config = ModelConfig.from_dict(json.loads(str(arrays["config"])))
    assert config == CONFIGS[name]
    model = Generator(config).eval()
    weights = {k[7:]: torch.from_numpy(v) for k, v in arrays.items() if k.startswith("weight/")}
    model.load_state_dict(weights)
    outputs = compute(model)
    assert outputs.keys() == {k for k in arrays if k.startswith("output/")}
    for key, values in outputs.items():
        scale = np.abs(arrays[key]).max()
        difference = np.abs(values - arrays[key]).max()
        assert difference <= 1e-4 * max(scale, 1), f"{key} differs by {difference:.3g}"
