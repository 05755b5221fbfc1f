"""`ballgan info`: what a model file holds."""

from __future__ import annotations

import json
import math
import os
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import ballgan
from ballgan.camera_prior import META, CameraPrior
from ballgan.checkpoint import detect_format, map_file


def prepare_info(args: Namespace) -> Callable[[], str]:
    """Return the job: read the model and describe it as text or JSON."""

    def run() -> str:
        model = ballgan.load(args.model, device="cpu")
        facts = collect_facts(model, args.model)
        return json.dumps(facts, indent=2) if args.json else format_facts(facts)

    return run


def collect_facts(model: ballgan.Generator, path: str) -> dict[str, Any]:
    """Everything `info` knows, as JSON-able values; angles in radians, lengths in world units."""
    config = model.config
    parts = {
        name: sum(parameter.numel() for parameter in part.parameters())
        for name, part in model.named_children()
    }
    notes = model.meta.get("notes", [])
    return {
        "file": str(path),
        "file_bytes": os.path.getsize(path),
        "file_format": detect_format(map_file(path)),
        "kind": _name_kind(config),
        "image_resolution": config.image_resolution,
        "neural_resolution": config.neural_resolution,
        "rows_of_ws": {
            "foreground": config.num_ws,
            "background": 0 if model.background is None else model.background.num_ws,
        },
        "parameters": {"total": sum(parts.values())} | parts,
        "notes": list(notes),
        "meta": {key: value for key, value in model.meta.items() if key not in ("kind", "notes")},
        "config": config.to_dict(),
    }


def format_facts(facts: dict[str, Any]) -> str:
    """Lay the facts out for people."""
    config, parameters = facts["config"], facts["parameters"]
    parts = ", ".join(f"{k} {_count(v)}" for k, v in parameters.items() if k != "total" and v)
    rows = [
        ("file", f"{facts['file']} ({facts['file_bytes'] / 1e6:.1f} MB)"),
        ("format", str(facts["file_format"])),
        ("kind", facts["kind"]),
        ("image", f"{facts['image_resolution']} x {facts['image_resolution']}"),
        ("rendered at", "{0} x {0}".format(facts["neural_resolution"])),
        ("super-resolution", _describe_super_resolution(config["super_resolution"], facts)),
        ("foreground", _describe_foreground(config)),
        ("background", _describe_background(config)),
        ("rows of ws", "{foreground}, background {background}".format(**facts["rows_of_ws"])),
        ("samples per ray", _describe_sampling(config["sampling"])),
        ("camera", _describe_camera(config["camera"])),
        ("parameters", f"{_count(parameters['total'])}: {parts}"),
        *((str(key), _describe_meta(key, value)) for key, value in facts["meta"].items()),
        *(("note", str(note)) for note in facts["notes"]),
    ]
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in rows)


def _describe_meta(key: str, value: Any) -> str:
    if key != META:
        return str(value)
    try:
        return f"drawn {CameraPrior.of_model({META: value}).describe()}"
    except ValueError:  # of a later version, for example
        return str(value)


def _name_kind(config: ballgan.ModelConfig) -> str:
    behind = config.background
    background = f"{behind.KIND} background" if behind is not None else "no background network"
    foreground = "tri-plane" if config.backbone is not None else "MLP"
    return f"{config.kind} ({foreground} foreground, {background})"


def _count(number: int) -> str:
    if number >= 1_000_000:
        return f"{number / 1e6:.2f} M"
    return f"{number / 1e3:.1f} k" if number >= 1000 else str(number)


def _describe_super_resolution(config: dict[str, Any] | None, facts: dict[str, Any]) -> str:
    if config is None:
        return "none"
    sizes = f"{config['input_resolution']} -> {facts['image_resolution']}"
    channels = ", ".join(str(count) for count in config["channels"])
    how = f", upsampled by {config['upsample']}" if config["kind"] == "stylenerf" else ""
    return f"{sizes}, blocks of {channels} channels{how}"


def _describe_foreground(config: dict[str, Any]) -> str:
    backbone, field = config["backbone"], config["field"]
    if backbone is None:
        network = field["network"]
        return (
            f"MLP of {network['num_layers']} layers of {network['hidden_size']}, "
            f"{field['feature_channels']} features, object in a cube of side "
            f"{field['box_warp']:g}; code of {config['mapping']['z_dim']}"
        )
    return (
        f"3 planes of {backbone['resolution']} x {backbone['resolution']} x "
        f"{field['plane_channels']} in a cube of side {field['box_warp']:g}; "
        f"code of {config['mapping']['z_dim']}"
    )


def _describe_background(config: dict[str, Any]) -> str:
    behind = config["background"]
    if behind is None:
        return "none; " + ("white" if config["white_background"] else "black") + " where empty"
    shape = {
        "sphere": "sphere of radius {radius:g}",
        "cube": "cube of side {side:g}",
        "plane": "plane {distance:g} behind the middle, of side {extent:g}",
        "inverted-sphere": "inverted sphere, {samples} samples from inverse radius {start:g} to 0",
    }[behind["kind"]].format(**behind)
    form = {
        "modulated": "modulated by a mapped code",
        "concatenated": "raw code concatenated",
        "shared": "modulated by a code of the foreground's mapping,",
    }.get(behind["conditioning"], behind["conditioning"])
    return f"{shape}, {form} of {behind['z_dim']}"


def _describe_sampling(config: dict[str, Any]) -> str:
    interval = "inside the cube"
    if config["near"] is not None:
        interval = f"at distances {config['near']:g} to {config['far']:g}"
    return f"{config['coarse_samples']} + {config['fine_samples']} {interval}"


def _describe_camera(config: dict[str, Any]) -> str:
    pivot = ", ".join(f"{coordinate:g}" for coordinate in config["pivot"])
    fov = math.degrees(config["fov"])
    return f"{config['radius']:g} from the pivot ({pivot}), field of view {fov:.2f} degrees"
