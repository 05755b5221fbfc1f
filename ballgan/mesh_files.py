"""Mesh files: OBJ, PLY, GLB and STL."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals, TextureVisuals

from .dome import Dome
from .files import atomic_write
from .gltf import encode_glb, get_texture
from .png import encode_png

Progress = Callable[[float], None]
Chunks = Iterator[bytes]

_CHUNK = 2**14  # rows at a time
TEXTURE_SUFFIXES = (".obj", ".glb")


def write_mesh(
    mesh: trimesh.Trimesh,
    path: str | Path,
    *,
    dome: Dome | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a mesh with its colours or texture; nothing is left behind if that fails.

    `.obj` has the colours behind the coordinates of a vertex (`v x y z r g b`), `.ply` (binary)
    as bytes; both sRGB. `.glb` has linear colours, which glTF prescribes, normals, and a white
    material without metalness, so that viewers show the colours. `.stl` (binary) cannot hold
    colours: they are lost.

    A texture is part of a `.glb`; beside a `.obj` it is written as `NAME_texture.png`, with
    `NAME.mtl`. The other files cannot have one.

    dome: a background to put round the mesh; `.glb` only. progress: called with a fraction in
    [0, 1] every few milliseconds; may raise to stop.

    Raises:
        ValueError: the suffix is none of these, or such a file cannot have a texture or a dome.
        OSError: a file cannot be written.
    """
    suffix = check_mesh_path(path)
    textured = isinstance(mesh.visual, TextureVisuals)
    check_mesh_parts(path, texture=textured and suffix != ".stl", dome=dome is not None)
    report = progress or (lambda fraction: None)
    path = Path(path)
    if suffix == ".glb":
        parts = {path: encode_glb(mesh, dome)}
    else:
        parts = {path: _ENCODERS[suffix](mesh, path.stem)}
    if suffix == ".obj" and textured:
        parts |= _encode_material(mesh, path)
    _write(parts, report)


def texture_paths(path: Path) -> tuple[Path, Path]:
    """The files that are written beside a textured `.obj`: material and picture."""
    stem = " ".join(path.stem.split())  # a line's end would end the line that names it
    return path.with_name(f"{stem}.mtl"), path.with_name(f"{stem}_texture.png")


def check_mesh_path(path: str | Path) -> str:
    """Return the suffix of a mesh file in lower case; ValueError if it is none we write."""
    suffix = Path(path).suffix.lower()
    if suffix not in MESH_SUFFIXES:
        known = ", ".join(MESH_SUFFIXES)
        raise ValueError(f'a mesh file should end in one of {known}; got "{Path(path).name}"')
    return suffix


def check_mesh_parts(path: str | Path, *, texture: bool, dome: bool) -> None:
    """Raise ValueError if a mesh file of this kind cannot have a texture or a dome."""
    suffix = check_mesh_path(path)
    if texture and suffix not in TEXTURE_SUFFIXES:
        known = " or ".join(TEXTURE_SUFFIXES)
        raise ValueError(f"a mesh with a texture should go to a {known} file; got {suffix}")
    if dome and suffix != ".glb":
        raise ValueError(f"a mesh with a background should go to a .glb file; got {suffix}")


def _write(parts: dict[Path, Chunks], report: Progress) -> None:
    """Write files that belong together, all of them or none; the first gets its name last."""
    with ExitStack() as stack:
        files = [stack.enter_context(atomic_write(path)) for path in parts]
        for file, chunks in zip(files, parts.values(), strict=True):
            for chunk in chunks:
                report(0.5)
                file.write(chunk)
            file.flush()  # a full disk is told before any of them has its name
    report(1.0)


def _encode_material(mesh: trimesh.Trimesh, path: Path) -> dict[Path, Chunks]:
    """The files beside a textured `.obj`."""
    material, picture = texture_paths(path)
    text = f"newmtl texture\nKa 0 0 0\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {picture.name}\n"
    return {material: iter([text.encode()]), picture: encode_png(get_texture(mesh))}


def _encode_obj(mesh: trimesh.Trimesh, stem: str) -> Chunks:
    vertices, faces = mesh.vertices, mesh.faces + 1
    if isinstance(mesh.visual, TextureVisuals):
        material, _ = texture_paths(Path(f"{stem}.obj"))
        yield f"mtllib {material.name}\nusemtl texture\n".encode()
        yield from _format_rows("v %.8f %.8f %.8f\n", vertices)
        yield from _format_rows("vt %.6f %.6f\n", mesh.visual.uv)
        yield from _format_rows("vn %.4f %.4f %.4f\n", mesh.vertex_normals)
        yield from _format_rows("f %d/%d/%d %d/%d/%d %d/%d/%d\n", np.repeat(faces, 3, axis=1))
        return
    rows = np.concatenate([vertices, vertex_colors(mesh) / 255], axis=1)
    yield from _format_rows("v %.8f %.8f %.8f %.4f %.4f %.4f\n", rows)
    yield from _format_rows("f %d %d %d\n", faces)


def _format_rows(line: str, rows: np.ndarray) -> Chunks:
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        yield (line * len(part) % tuple(part.ravel().tolist())).encode()


def _encode_ply(mesh: trimesh.Trimesh, stem: str) -> Chunks:
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(mesh.vertices)}"]
    header += [f"property float {name}" for name in ("x", "y", "z", "nx", "ny", "nz")]
    header += [f"property uchar {name}" for name in ("red", "green", "blue")]
    header += [f"element face {len(mesh.faces)}", "property list uchar int vertex_indices"]
    yield ("\n".join([*header, "end_header"]) + "\n").encode()
    vertices = np.empty(len(mesh.vertices), [("floats", "<f4", 6), ("color", "u1", 3)])
    vertices["floats"] = np.concatenate([mesh.vertices, mesh.vertex_normals], axis=1)
    vertices["color"] = vertex_colors(mesh)
    yield from _split(vertices)
    faces = np.empty(len(mesh.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.faces
    yield from _split(faces)


def _encode_stl(mesh: trimesh.Trimesh, stem: str) -> Chunks:
    yield struct.pack("<80xI", len(mesh.faces))
    faces = np.zeros(
        len(mesh.faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("", "u2")]
    )
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    faces["normal"] = normals / np.where(lengths > 0, lengths, 1)
    faces["corners"] = corners
    yield from _split(faces)


def _split(array: np.ndarray) -> Chunks:
    for start in range(0, len(array), _CHUNK):
        yield array[start : start + _CHUNK].tobytes()


def vertex_colors(mesh: trimesh.Trimesh) -> np.ndarray:
    """Colours (V, 3) uint8 of a mesh without a texture."""
    assert isinstance(mesh.visual, ColorVisuals)
    return np.asarray(mesh.visual.vertex_colors[:, :3])


_ENCODERS: dict[str, Callable[[trimesh.Trimesh, str], Chunks]] = {
    ".obj": _encode_obj,
    ".ply": _encode_ply,
    ".stl": _encode_stl,
}
MESH_SUFFIXES = (".obj", ".ply", ".glb", ".stl")
