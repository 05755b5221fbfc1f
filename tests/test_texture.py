"""ballgan.texture, ballgan.dome: pictures on meshes, in memory and in files."""

import json
import struct

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

import ballgan
from ballgan.dome import Dome
from ballgan.errors import Cancelled
from ballgan.geometry import equirectangular_directions
from ballgan.mesh import extract_mesh, write_mesh
from ballgan.png import encode_png
from ballgan.texture import bake_texture

RADIUS = 0.3


def ball(points):
    return 10 + 100 * (RADIUS - points.norm(dim=1))


def direction_color(points):
    return torch.nn.functional.normalize(points, dim=1) / 2 + 0.5


@pytest.fixture(scope="module")
def plain() -> trimesh.Trimesh:
    return extract_mesh(ball, direction_color, box=1.0, resolution=32, simplify=600)


@pytest.fixture(scope="module")
def textured(plain) -> trimesh.Trimesh:
    return bake_texture(plain, ball, direction_color, box=1.0, size=256)


@pytest.fixture
def scene(tiny_model) -> ballgan.Scene:
    return ballgan.Scene(tiny_model)


def get_picture(mesh: trimesh.Trimesh) -> np.ndarray:
    material = mesh.visual.material
    image = getattr(material, "baseColorTexture", None) or material.image
    return np.asarray(image)[..., :3]


def look_up(mesh: trimesh.Trimesh, uv: np.ndarray) -> np.ndarray:
    """The picture's pixels (P, 3) at texture coordinates (P, 2), as trimesh has them: v up."""
    picture = get_picture(mesh)
    size = len(picture)
    column = (uv[:, 0] * size).astype(int).clip(0, size - 1)
    return picture[((1 - uv[:, 1]) * size).astype(int).clip(0, size - 1), column]


def pick_points(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """Random points (P, 3) on the faces and their texture coordinates (P, 2)."""
    weights = np.random.default_rng(0).dirichlet([1, 1, 1], len(mesh.faces))
    return tuple(
        np.einsum("fk,fkc->fc", weights, np.asarray(values)[mesh.faces])
        for values in (mesh.vertices, mesh.visual.uv)
    )


def assert_shows_directions(mesh: trimesh.Trimesh) -> None:
    points, uv = pick_points(mesh)
    expected = direction_color(torch.from_numpy(points)).numpy() * 255
    # A pixel spans up to 0.01 of the ball's circumference, so 4 of the 127 steps of a colour.
    errors = np.abs(look_up(mesh, uv) - expected).max(axis=1)
    assert np.quantile(errors, 0.99) < 6


def test_texture_shows_the_field_all_over_the_mesh(textured):
    assert get_picture(textured).shape == (256, 256, 3)
    assert_shows_directions(textured)


def test_textured_mesh_has_the_same_triangles(plain, textured):
    def list_triangles(mesh):
        corners = np.asarray(mesh.vertices)[mesh.faces].reshape(-1, 9)
        return corners[np.lexsort(corners.T)]

    np.testing.assert_array_equal(list_triangles(textured), list_triangles(plain))
    assert textured.metadata["level"] == plain.metadata["level"] == 10
    outward = textured.vertices / np.linalg.norm(textured.vertices, axis=1, keepdims=True)
    assert (textured.vertex_normals * outward).sum(axis=1).min() > 0.99


def test_texture_has_detail_that_the_vertices_cannot_hold():
    def stripes(points):
        return ((points[:, 1:2] * 60).sin() > 0).float().expand(-1, 3)

    mesh = extract_mesh(ball, stripes, box=1.0, resolution=32, simplify=200)
    mesh = bake_texture(mesh, ball, stripes, box=1.0, size=512)
    points, uv = pick_points(mesh)
    # The faces cut through the ball: a point's colour is that of the surface above it, where the
    # light that ends inside came from.
    points *= (RADIUS - 0.05) / np.linalg.norm(points, axis=1, keepdims=True)
    phase = points[:, 1] * 60
    clear = np.abs(np.sin(phase)) > 0.5
    right = (look_up(mesh, uv)[:, 0] > 127) == (np.sin(phase) > 0)
    assert clear.sum() > 60 and right[clear].mean() > 0.97


@pytest.mark.parametrize("name", ["ball.glb", "ball.obj", "a ball, round.OBJ"])
def test_textured_files_read_back(name, textured, tmp_path):
    write_mesh(textured, tmp_path / name)
    stem = name.rpartition(".")[0]
    beside = [f"{stem}.mtl", f"{stem}_texture.png"] if name.lower().endswith("obj") else []
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([name, *beside])
    mesh = trimesh.load_mesh(tmp_path / name, process=False)
    assert len(mesh.faces) == len(textured.faces)
    np.testing.assert_array_equal(get_picture(mesh), get_picture(textured))
    assert_shows_directions(mesh)


@pytest.mark.parametrize("suffix", [".ply"])
def test_a_file_without_textures_refuses_one(suffix, textured, tmp_path):
    with pytest.raises(ValueError, match=r"texture should go to a \.obj or \.glb file; got \.ply"):
        write_mesh(textured, tmp_path / f"ball{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [0, 63, 10_000])
def test_sizes_out_of_range_are_refused(size, plain):
    with pytest.raises(ValueError, match=f"64 to 8192 pixels a side; got {size}"):
        bake_texture(plain, ball, direction_color, box=1.0, size=size)


def test_baking_can_be_stopped_anywhere(plain):
    fractions: list[float] = []
    bake_texture(plain, ball, direction_color, box=1.0, size=64, progress=fractions.append)
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    for fraction in (0.0, 0.35, 0.7, 0.96):

        def cancel(done, limit=fraction):
            if done >= limit:
                raise Cancelled

        with pytest.raises(Cancelled):
            bake_texture(plain, ball, direction_color, box=1.0, size=64, progress=cancel)


@pytest.mark.parametrize("name", ["ball.obj", "ball.glb"])
def test_writing_can_be_stopped_and_leaves_nothing(name, textured, tmp_path):
    def cancel(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        write_mesh(textured, tmp_path / name, progress=cancel)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("limit", [100, 1000, 20_000])  # bytes: of the material, picture, mesh
def test_a_full_disk_leaves_what_was_there(limit, textured, tmp_path):
    resource = pytest.importorskip("resource")
    names = ["ball.mtl", "ball.obj", "ball_texture.png"]
    for name in names:
        (tmp_path / name).write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(OSError, match="cannot write: File too large"):
            write_mesh(textured, tmp_path / "ball.obj")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [(entry.name, entry.read_text()) for entry in sorted(tmp_path.iterdir())] == [
        (name, "old") for name in names
    ]


@pytest.mark.parametrize("shape", [(1, 1), (64, 3), (130, 77)])
def test_png_decodes_to_the_picture(shape, tmp_path):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    (tmp_path / "image.png").write_bytes(b"".join(encode_png(image)))
    with Image.open(tmp_path / "image.png") as decoded:
        np.testing.assert_array_equal(np.asarray(decoded), image)


@pytest.fixture(scope="module")
def dome() -> Dome:
    directions = equirectangular_directions(256, 512, torch.device("cpu"))
    return Dome(((directions / 2 + 0.5) * 255).round().byte().numpy(), radius=2.5)


def test_dome_shows_each_direction_of_its_picture_there(dome):
    vertices, normals, uv, faces = dome.triangles()
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 2.5)
    np.testing.assert_allclose(normals, -vertices / 2.5)
    middle, place = vertices[faces].mean(axis=1), uv[faces].mean(axis=1)
    height, width, _ = dome.image.shape
    shown = dome.image[(place[:, 1] * height).astype(int), (place[:, 0] * width).astype(int)]
    expected = middle / np.linalg.norm(middle, axis=1, keepdims=True) / 2 + 0.5
    # At the poles a triangle's middle is not where the middle of its corners' coordinates is.
    assert np.quantile(np.abs(shown / 255 - expected).max(axis=1), 0.95) < 0.02


def test_dome_is_closed_and_faces_inward(dome):
    vertices, _, _, faces = dome.triangles()
    mesh = trimesh.Trimesh(vertices, faces)  # merges the two sides of the seam
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(-4 / 3 * np.pi * 2.5**3, rel=0.01)


def test_dome_is_a_second_unlit_node_of_the_glb(textured, dome, tmp_path):
    write_mesh(textured, tmp_path / "both.glb", dome=dome)
    data = (tmp_path / "both.glb").read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    assert struct.unpack_from("<I", data, 8)[0] == len(data)
    assert [node["name"] for node in document["nodes"]] == ["foreground", "background"]
    lit, unlit = document["materials"]
    assert "extensions" not in lit and unlit["extensions"] == {"KHR_materials_unlit": {}}
    assert document["extensionsUsed"] == ["KHR_materials_unlit"]
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
    last = document["bufferViews"][-1]
    assert last["byteOffset"] + last["byteLength"] <= document["buffers"][0]["byteLength"]
    scene = trimesh.load(tmp_path / "both.glb")
    assert set(scene.geometry) == {"foreground", "background"}
    picture = scene.geometry["background"].visual.material.baseColorTexture
    np.testing.assert_array_equal(np.asarray(picture), dome.image)


def test_dome_needs_a_glb(textured, dome, tmp_path):
    with pytest.raises(ValueError, match=r"background should go to a \.glb file; got \.obj"):
        write_mesh(textured, tmp_path / "both.obj", dome=dome)


def test_scene_gives_its_background_as_a_dome(scene, tmp_path):
    model = scene.model
    scene.background = ballgan.LearntBackground(seed=4)
    dome = scene.dome(16)
    assert dome.image.shape == (16, 32, 3) and dome.radius == model.config.background.radius
    directions = equirectangular_directions(16, 32, model.device)
    with torch.no_grad():
        features = model.background(
            directions.flatten(0, 1)[None], scene.ws_background(scene.background)
        )
    expected = features[0, :, :3].clamp(0, 1).reshape(16, 32, 3) * 255
    np.testing.assert_allclose(dome.image, expected, atol=0.51)
    scene.background = ballgan.SolidColor((1, 0, 0.2))
    assert (scene.dome(16).image == [255, 0, 51]).all()
    picture = np.random.default_rng(2).integers(0, 256, (16, 32, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "room.png")
    scene.background = ballgan.Panorama(str(tmp_path / "room.png"))
    np.testing.assert_allclose(scene.dome(16).image, picture, atol=1)
    scene.background = None
    with pytest.raises(ValueError, match=r"scene\.background is None"):
        scene.dome()


def test_mesh_of_a_scene_with_a_texture(scene):
    mesh = scene.mesh(32, level=1.0, texture=64, simplify=300)
    assert get_picture(mesh).shape == (64, 64, 3) and len(mesh.faces) <= 300
    with pytest.raises(ValueError, match="64 to 8192"):
        scene.mesh(32, texture=1)
