"""Binary glTF of a mesh with vertex colours."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals


def encode_glb(mesh: trimesh.Trimesh) -> bytes:
    """Binary glTF 2.0 (Khronos specification, sections 3.7 and 4.4).

    Written here, not by trimesh: that stores sRGB bytes as they are, which viewers show too
    bright. Linear colours are floats because eight bits of linear light band in the dark.
    """
    if not isinstance(mesh.visual, ColorVisuals):
        raise ValueError("the mesh should have vertex colours, not a texture")
    colors = _srgb_to_linear(mesh.visual.vertex_colors[:, :3] / 255.0)
    arrays = {
        "POSITION": np.asarray(mesh.vertices, "<f4"),
        "NORMAL": _unit_normals(mesh),
        "COLOR_0": colors.astype("<f4"),
        "indices": np.asarray(mesh.faces, "<u4").reshape(-1),
    }
    document = _describe_gltf(arrays)
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data = b"".join(array.tobytes() for array in arrays.values())
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _srgb_to_linear(colors: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def _unit_normals(mesh: trimesh.Trimesh) -> np.ndarray:
    """(V, 3) float32 normals; a vertex without one (degenerate faces) gets +z."""
    normals = np.asarray(mesh.vertex_normals, "<f4").copy()
    lengths = np.linalg.norm(normals, axis=1)
    normals[~(np.abs(lengths - 1) < 1e-3)] = (0, 0, 1)
    return normals


def _describe_gltf(arrays: dict[str, np.ndarray]) -> dict:
    """The JSON part for one primitive whose arrays follow each other in one buffer."""
    numbers = {name: index for index, name in enumerate(arrays)}
    positions = arrays["POSITION"]
    accessors = [
        {
            "bufferView": index,
            "componentType": 5125 if name == "indices" else 5126,  # uint32, float32
            "count": len(array),
            "type": "SCALAR" if name == "indices" else "VEC3",
        }
        for index, (name, array) in enumerate(arrays.items())
    ]
    accessors[numbers["POSITION"]] |= {
        "min": positions.min(axis=0).tolist(),
        "max": positions.max(axis=0).tolist(),
    }
    material = {"baseColorFactor": [1, 1, 1, 1], "metallicFactor": 0, "roughnessFactor": 1}
    primitive = {
        "attributes": {name: index for name, index in numbers.items() if name != "indices"},
        "indices": numbers["indices"],
        "material": 0,
        "mode": 4,
    }
    return {
        "asset": {"version": "2.0", "generator": "ballgan"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "foreground"}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"name": "vertex colours", "pbrMetallicRoughness": material}],
        "accessors": accessors,
        "bufferViews": list(_list_buffer_views(arrays)),
        "buffers": [{"byteLength": sum(array.nbytes for array in arrays.values())}],
    }


def _list_buffer_views(arrays: dict[str, np.ndarray]) -> Iterator[dict]:
    offset = 0
    for name, array in arrays.items():
        target = 34963 if name == "indices" else 34962  # element array, vertex array
        yield {"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes, "target": target}
        offset += array.nbytes
