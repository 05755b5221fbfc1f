"""Binary glTF of a mesh with vertex colours or a texture, and of a dome round it.

Written here, not by trimesh: that stores sRGB bytes as vertex colours, which viewers show too
bright. Linear colours are floats because eight bits of linear light band in the dark.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals, TextureVisuals

from .dome import Dome
from .png import encode_png

_ARRAY_TARGET, _INDEX_TARGET = 34962, 34963
_FLOAT, _UNSIGNED = 5126, 5125
_CHUNK = 2**20  # bytes at a time


def encode_glb(mesh: trimesh.Trimesh, dome: Dome | None = None) -> Iterator[bytes]:
    """Binary glTF 2.0 (Khronos specification, sections 3.7 and 4.4) in parts."""
    document = _Document()
    yield b""
    if isinstance(mesh.visual, TextureVisuals):
        for _ in document.add_texture("foreground", get_texture(mesh)):
            yield b""
        uv = np.asarray(mesh.visual.uv) * [1, -1] + [0, 1]  # trimesh: up from the lower left
        attributes = {"TEXCOORD_0": uv}
    elif isinstance(mesh.visual, ColorVisuals):
        colors = _srgb_to_linear(mesh.visual.vertex_colors[:, :3] / 255.0)
        document.add_material("vertex colours", {"baseColorFactor": [1, 1, 1, 1]})
        attributes = {"COLOR_0": colors}
    else:
        raise ValueError("the mesh should have vertex colours or a texture")
    document.add_mesh("foreground", mesh.vertices, _unit_normals(mesh), mesh.faces, attributes)
    if dome is not None:
        for _ in document.add_texture("background", dome.image, unlit=True):
            yield b""
        vertices, normals, uv, faces = dome.triangles()
        document.add_mesh("background", vertices, normals, faces, {"TEXCOORD_0": uv})
    yield from document.encode()


class _Document:
    """A glTF document under construction: its JSON part and its one buffer."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.buffer: list[bytes] = []
        self.size = 0
        self.extensions: set[str] = set()

    def add(self, kind: str, item: dict[str, Any]) -> int:
        """Append to one of the document's lists; returns the number there."""
        items = self.lists.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def add_view(self, data: bytes, target: int | None = None) -> int:
        """Append to the buffer, at a multiple of four bytes."""
        view = {"buffer": 0, "byteOffset": self.size, "byteLength": len(data)}
        padding = b"\0" * (-len(data) % 4)
        self.buffer += [data, padding]
        self.size += len(data) + len(padding)
        return self.add("bufferViews", view if target is None else view | {"target": target})

    def add_array(self, array: np.ndarray, *, bounds: bool = False) -> int:
        """Append vertex attributes (V, n)."""
        array = array.astype("<f4")
        accessor = {
            "bufferView": self.add_view(array.tobytes(), _ARRAY_TARGET),
            "componentType": _FLOAT,
            "count": len(array),
            "type": f"VEC{array.shape[1]}",
        }
        if bounds:
            limits = {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}
            accessor |= limits
        return self.add("accessors", accessor)

    def add_material(self, name: str, color: dict[str, Any], *, unlit: bool = False) -> None:
        """Append a material, for the mesh that is added next."""
        rough = {"metallicFactor": 0, "roughnessFactor": 1}
        material: dict[str, Any] = {"name": name, "pbrMetallicRoughness": color | rough}
        if unlit:  # a background has its light in it
            self.extensions.add("KHR_materials_unlit")
            material["extensions"] = {"KHR_materials_unlit": {}}
        self.add("materials", material)

    def add_texture(self, name: str, image: np.ndarray, *, unlit: bool = False) -> Iterator[None]:
        """Append a material with a picture (H, W, 3) uint8; yields now and then."""
        parts = []
        for part in encode_png(image):
            yield
            parts.append(part)
        view = self.add_view(b"".join(parts))
        source = self.add("images", {"bufferView": view, "mimeType": "image/png", "name": name})
        texture = self.add("textures", {"source": source})
        self.add_material(name, {"baseColorTexture": {"index": texture}}, unlit=unlit)

    def add_mesh(
        self,
        name: str,
        vertices: np.ndarray,
        normals: np.ndarray,
        faces: np.ndarray,
        attributes: dict[str, np.ndarray],
    ) -> None:
        """Append a node with a mesh of one primitive, in the last material."""
        numbers = {
            "POSITION": self.add_array(vertices, bounds=True),
            "NORMAL": self.add_array(normals),
        }
        numbers |= {key: self.add_array(values) for key, values in attributes.items()}
        indices = self.add(
            "accessors",
            {
                "bufferView": self.add_view(faces.astype("<u4").tobytes(), _INDEX_TARGET),
                "componentType": _UNSIGNED,
                "count": faces.size,
                "type": "SCALAR",
            },
        )
        primitive = {
            "attributes": numbers,
            "indices": indices,
            "material": len(self.lists["materials"]) - 1,
            "mode": 4,
        }
        mesh = self.add("meshes", {"primitives": [primitive], "name": name})
        self.add("nodes", {"mesh": mesh, "name": name})

    def encode(self) -> Iterator[bytes]:
        """The file, in parts."""
        document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "ballgan"},
            "scene": 0,
            "scenes": [{"nodes": list(range(len(self.lists["nodes"])))}],
            **self.lists,
            "buffers": [{"byteLength": self.size}],
        }
        if self.extensions:
            document["extensionsUsed"] = sorted(self.extensions)
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        yield struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + self.size)
        yield struct.pack("<I4s", len(text), b"JSON") + text
        yield struct.pack("<I4s", self.size, b"BIN\0")
        for data in self.buffer:
            for start in range(0, len(data), _CHUNK):
                yield data[start : start + _CHUNK]


def get_texture(mesh: trimesh.Trimesh) -> np.ndarray:
    """The picture (H, W, 3) uint8 of a textured mesh."""
    assert isinstance(mesh.visual, TextureVisuals)
    image = getattr(mesh.visual.material, "baseColorTexture", None)
    if image is None:
        image = getattr(mesh.visual.material, "image", None)
    if image is None:
        raise ValueError("the mesh has texture coordinates, but its material has no picture")
    return np.asarray(image.convert("RGB"))


def _srgb_to_linear(colors: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def _unit_normals(mesh: trimesh.Trimesh) -> np.ndarray:
    """(V, 3) float32 normals; a vertex without one (degenerate faces) gets +z."""
    normals = np.asarray(mesh.vertex_normals, "<f4").copy()
    lengths = np.linalg.norm(normals, axis=1)
    normals[~(np.abs(lengths - 1) < 1e-3)] = (0, 0, 1)
    return normals
