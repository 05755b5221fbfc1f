"""Writes tests/recorded/NAME.npz: small networks and what this code computes for them.

Run it only when the parity tests with the published reference networks pass:
    python tests/record_references.py
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from conftest import TINY, make_model

from ballgan.camera import Camera, rays_from_labels
from ballgan.config import PLANE_AXES_PUBLISHED, ModelConfig, SamplingConfig, SphereConfig
from ballgan.config import SuperResolutionConfig as SuperResolution
from ballgan.generator import Generator

FOLDER = Path(__file__).parent / "recorded"
PUBLISHED = dataclasses.replace(
    TINY,
    field=dataclasses.replace(
        TINY.field, plane_axes=PLANE_AXES_PUBLISHED, box_warp=1.2, bounded=False
    ),
)
CONFIGS: dict[str, ModelConfig] = {
    "sphere-modulated": dataclasses.replace(
        PUBLISHED,
        background=dataclasses.replace(TINY.background, encoding="angles", radius=3.5),
        super_resolution=SuperResolution(16, (8, 8), (False, True)),
    ),
    "sphere-concatenated": dataclasses.replace(
        PUBLISHED,
        background=SphereConfig(
            **{"conditioning": "concatenated", "encoding": "angles", "z_dim": 8, "w_dim": 0},
            **{"mapping_layers": 0, "hidden_size": 12, "num_layers": 3, "angle_divisor": 2.0},
        ),
        mapping=dataclasses.replace(TINY.mapping, label_scale=0.0),
        super_resolution=SuperResolution(32, (8, 4), (False, True), "enlarge", antialias=False),
    ),
    "no-background": dataclasses.replace(
        PUBLISHED,
        background=None,
        sampling=SamplingConfig(None, None, 10, 10),
        super_resolution=SuperResolution(8, (8, 4), (True, True), clamp=1.5),
        white_background=True,
    ),
    "sphere-direction": dataclasses.replace(TINY, super_resolution=None),
}


def compute(model: Generator) -> dict[str, np.ndarray]:
    """Outputs of every stage for one pair of codes and two cameras."""
    with torch.inference_mode():
        camera = model.config.camera
        labels = torch.cat([Camera.orbit(yaw, 0.2).resolve(camera).label() for yaw in (-0.4, 0.3)])
        z = model.z(3).expand(2, -1)
        ws = model.map(z, labels[1:].expand(2, -1), truncation_psi=0.7, truncation_cutoff=4)
        planes = model.planes(ws)
        origins, directions = rays_from_labels(labels, 12)
        composite = model.march(planes, origins, directions)
        outputs = {"ws": ws, "planes": planes, "opacity": composite.opacity}
        features = model.without_background(composite)
        if model.background is not None:
            ws_bg = model.map_background(model.z_background(5).expand(2, -1), truncation_psi=0.7)
            behind = model.look_behind(ws_bg, origins, directions)[0].flatten(0, 1)
            outputs |= {"ws_bg": ws_bg, "background": behind}
            features = composite.over(behind)
        image = features.view(2, 12, 12, -1).permute(0, 3, 1, 2)
        outputs |= {"features": image, "picture": model.picture(image, ws)}
        outputs["distance"] = composite.distance
        return {f"output/{name}": value.numpy() for name, value in outputs.items()}


def record(name: str, config: ModelConfig) -> None:
    """Write one network with float16 weights and its outputs."""
    model = make_model(config, seed=len(name))
    weights = {k: v.half() for k, v in model.state_dict().items()}
    model.load_state_dict(weights)
    arrays = {f"weight/{k}": v.numpy() for k, v in weights.items()}
    text = np.array(json.dumps(config.to_dict()))
    np.savez_compressed(FOLDER / f"{name}.npz", config=text, **arrays, **compute(model))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, config in CONFIGS.items():
        record(name, config)
