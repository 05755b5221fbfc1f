"""Mesh files: OBJ, PLY, GLB and STL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import trimesh
from trimesh.exchange.obj import export_obj
from trimesh.exchange.ply import export_ply
from trimesh.exchange.stl import export_stl

from .files import atomic_write
from .gltf import encode_glb


def write_mesh(mesh: trimesh.Trimesh, path: str | Path) -> None:
    """Write a mesh with its vertex colours; nothing is left behind if that fails.

    `.obj` has the colours behind the coordinates of a vertex (`v x y z r g b`), `.ply` (binary)
    as bytes; both sRGB. `.glb` has linear colours, which glTF prescribes, normals, and a white
    material without metalness, so that viewers show the colours. `.stl` (binary) cannot hold
    colours: they are lost.

    Raises:
        ValueError: the suffix is none of these.
        OSError: the file cannot be written.
    """
    data = _ENCODERS[check_mesh_path(path)](mesh)
    with atomic_write(path) as file:
        file.write(data)


def _encode_obj(mesh: trimesh.Trimesh) -> bytes:
    return export_obj(mesh, include_normals=False, header=None).encode()


_ENCODERS: dict[str, Callable[[trimesh.Trimesh], bytes]] = {
    ".obj": _encode_obj,
    ".ply": export_ply,
    ".glb": encode_glb,
    ".stl": export_stl,
}
MESH_SUFFIXES = tuple(_ENCODERS)


def check_mesh_path(path: str | Path) -> str:
    """Return the suffix of a mesh file in lower case; ValueError if it is none we write."""
    suffix = Path(path).suffix.lower()
    if suffix not in MESH_SUFFIXES:
        known = ", ".join(MESH_SUFFIXES)
        raise ValueError(f'a mesh file should end in one of {known}; got "{Path(path).name}"')
    return suffix
