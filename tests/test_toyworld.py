"""The procedural world: determinism, geometry against ground truth, independence, files."""

import io
import json
import math
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from ballgan_train.__main__ import main
from ballgan_train.toyworld import (
    DOMAINS,
    ToyBatch,
    ToyWorld,
    decode_background_depth,
    decode_depth,
    truth_path,
)
from ballgan_train.toyworld import dataset as toy_dataset
from ballgan_train.toyworld.backgrounds import (
    FAMILIES,
    ROOM_SCALE,
    SPHERE_RADIUS,
    Backdrop,
    Surroundings,
    draw_backdrops,
    radiance,
)
from ballgan_train.toyworld.dataset import image_name
from ballgan_train.toyworld.draws import Draws, move, palette_table
from ballgan_train.toyworld.shading import encode
from ballgan_train.toyworld.world import RADIUS
from PIL import Image
from torch import Tensor

from ballgan import Camera
from ballgan.camera import orbit_labels

BOTH = pytest.mark.parametrize("domain", ["heads", "cars"])


def draw_objects(domain: str, seed: int, count: int) -> object:
    return DOMAINS[domain].draw(Draws(seed, torch.arange(count), "object"))


ALL = slice(None)


def assert_same(first: ToyBatch, second: ToyBatch, rows: slice = ALL) -> None:
    for field in fields(ToyBatch):
        assert torch.equal(getattr(first, field.name), getattr(second, field.name)[rows]), field


# Random numbers


def test_draws_are_uniform_and_depend_on_their_address_alone() -> None:
    numbers = Draws(0, torch.arange(4000), "object").uniform(count=8)
    assert 0 <= numbers.min() and numbers.max() < 1
    assert numbers.mean().item() == pytest.approx(0.5, abs=0.01)
    assert numbers.var().item() == pytest.approx(1 / 12, abs=0.002)
    correlation = torch.corrcoef(numbers.t()) - torch.eye(8)
    assert correlation.abs().max() < 0.07
    alone = Draws(0, torch.tensor([1234]), "object")
    assert torch.equal(torch.cat([alone.uniform() for _ in range(8)], 1)[0], numbers[1234])
    for other in (Draws(1, torch.arange(4000), "object"), Draws(0, torch.arange(4000), "camera")):
        pair = torch.stack([other.uniform()[:, 0], numbers[:, 0]])
        assert torch.corrcoef(pair)[0, 1].abs() < 0.07


def test_first_numbers_do_not_change() -> None:
    """Data sets made by other versions are the same as long as these are."""
    numbers = Draws(5, torch.tensor([0, 2**40]), "object").uniform(count=2)
    expected = torch.tensor(
        [[0.6048706769943237, 0.6640978455543518], [0.7806205153465271, 0.8559343218803406]]
    )
    assert torch.equal(numbers, expected)


def test_picks_and_palettes() -> None:
    draws = Draws(0, torch.arange(4000), "object")
    share = torch.bincount(draws.pick([1, 2, 1])[:, 0]) / 4000
    torch.testing.assert_close(share, torch.tensor([0.25, 0.5, 0.25]), atol=0.03, rtol=0)
    assert palette_table(["ff0080"])[0].tolist() == pytest.approx([1, 0, (128 / 255) ** 2.2])
    colors = draws.tone(["000000", "ffffff"])
    assert colors.shape == (4000, 3, 1) and 0 <= colors.min() and colors.max() <= 1


def test_moved_parameters_keep_their_values() -> None:
    objects = draw_objects("cars", 0, 3)
    moved = move(objects, torch.device("meta"))
    assert {k: v.shape for k, v in vars(moved).items()} == {
        k: v.shape for k, v in vars(objects).items()
    }


# Pictures


@BOTH
def test_pictures_do_not_depend_on_the_batch(domain: str) -> None:
    world = ToyWorld(domain, 32, seed=3)
    together = world.render(range(6))
    assert_same(world.render([4, 5]), together, slice(4, 6))
    assert_same(world.render([2]), together, slice(2, 3))
    assert not torch.equal(together.image[0], together.image[1])
    assert not torch.equal(ToyWorld(domain, 32, seed=4).render([2]).image, together.image[2:3])


def test_large_batches_are_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    world = ToyWorld("cars", 16)
    together = world.render(range(5))
    monkeypatch.setattr("ballgan_train.toyworld.world._RAYS_AT_ONCE", {"cpu": 2 * 32**2})
    assert_same(world.render(range(5)), together)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@BOTH
def test_pictures_are_the_same_on_a_gpu(domain: str) -> None:
    on_cpu = ToyWorld(domain, 32).render(range(8))
    on_gpu = ToyWorld(domain, 32, device="cuda").render(range(8))
    assert (on_gpu.image.cpu() - on_cpu.image).abs().mean() < 2e-3
    assert torch.equal(on_gpu.label.cpu(), on_cpu.label)


@BOTH
def test_values_are_in_range_and_masks_agree_with_depths(domain: str) -> None:
    batch = ToyWorld(domain, 32, seed=1).render(range(8))
    assert batch.image.isfinite().all() and batch.image.abs().max() <= 1
    assert torch.equal(batch.mask > 0, batch.depth.isfinite())
    assert batch.mask.min() == 0 and batch.mask.max() == 1
    cover = batch.mask.mean((1, 2, 3))
    assert (cover > 0.08).all() and (cover < 0.8).all()
    covered = batch.mask[:, 0] > 0
    length = batch.normals.norm(dim=1)
    torch.testing.assert_close(length[covered], torch.ones_like(length[covered]))
    assert (length[~covered] == 0).all()
    assert ((batch.mask > 0) & (batch.mask < 1)).any()  # edges are antialiased


@BOTH
def test_depths_lead_to_the_surface_and_normals_face_the_camera(domain: str) -> None:
    world = ToyWorld(domain, 32, seed=2, samples=1)
    batch = world.render(range(4))
    for row in range(4):
        rays = Camera.from_label(batch.label[row]).rays(32, 32)
        depth = batch.depth[row].flatten()
        hit = depth.isfinite()
        points = (rays.origins + rays.directions * depth[:, None])[hit]
        one = DOMAINS[domain].draw(Draws(2, torch.tensor([row]), "object"))
        distance = DOMAINS[domain].distance(one, points.t()[None])[0]
        assert distance.abs().median() < 3e-4 and distance.abs().quantile(0.98) < 3e-3
        assert points.abs().max() < 0.5
        facing = (batch.normals[row].flatten(1).t() * rays.directions).sum(1)[hit]
        assert facing.max() < 1e-3 and facing.median() < -0.4
        before = points - 0.03 * rays.directions[hit]
        free = DOMAINS[domain].distance(one, before.t()[None])[0] > -1e-3
        assert free.float().mean() > 0.97  # nothing was passed through


@BOTH
def test_the_pyramid_misses_nothing(domain: str) -> None:
    """Cone marching finds what one ray a pixel, marched alone in small steps, finds."""
    world = ToyWorld(domain, 32, seed=6, samples=1)
    batch = world.render(range(3))
    for row in range(3):
        rays = Camera.from_label(batch.label[row]).rays(32, 32)
        one = DOMAINS[domain].draw(Draws(6, torch.tensor([row]), "object"))
        depth = torch.full((1024,), 1.9)
        for _ in range(200):
            points = rays.origins + rays.directions * depth[:, None]
            depth = depth + 0.6 * DOMAINS[domain].distance(one, points.t()[None])[0]
            depth = depth.clamp_max(3.57)
        plain = depth < 3.5
        traced = batch.depth[row].flatten().isfinite()
        assert (plain != traced).float().mean() < 0.01
        agree = plain & traced
        close = (batch.depth[row].flatten() - depth)[agree].abs() < 0.01
        assert close.float().mean() > 0.95  # the others graze an edge


@BOTH
def test_objects_are_inside_the_box(domain: str) -> None:
    steps = torch.linspace(-0.5, 0.5, 25)
    grid = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij")).flatten(1)
    faces = grid[:, grid.abs().amax(0) > 0.499]
    objects = draw_objects(domain, 0, 60)
    distance = DOMAINS[domain].distance(objects, faces.expand(60, -1, -1))
    assert distance.min() > 0.01


# Cameras


@BOTH
def test_labels_are_those_of_orbit_cameras(domain: str) -> None:
    world = ToyWorld(domain, 16, seed=9)
    labels = world.labels(range(300))
    eye = labels[:, [3, 7, 11]]
    torch.testing.assert_close(eye.norm(dim=1), torch.full((300,), RADIUS))
    yaw, pitch = torch.atan2(eye[:, 0], eye[:, 2]), torch.asin(eye[:, 1] / RADIUS)
    for angle, (low, high) in ((yaw, world.domain.yaw), (pitch, world.domain.pitch)):
        assert low - 1e-5 <= angle.min() < low + 0.1 * (high - low)
        assert high - 0.1 * (high - low) < angle.max() <= high + 1e-5
    assert torch.equal(world.render([7]).label, labels[7:8])


def test_orbit_labels_agree_with_the_library() -> None:
    yaw, pitch = torch.tensor([0.3, -2.5]), torch.tensor([0.2, 0.5])
    labels = orbit_labels(yaw, pitch, RADIUS, 4.2647)
    for row in range(2):
        orbit = Camera.orbit(yaw[row].item(), pitch[row].item(), radius=RADIUS, pivot=(0, 0, 0))
        expected = np.array(orbit.cam2world, np.float32).ravel()
        np.testing.assert_allclose(labels[row, :16], expected, atol=1e-6)
    assert labels[0, 16:].tolist() == pytest.approx([4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1])


# Backgrounds


def test_backgrounds_and_objects_are_independent() -> None:
    """No parameter of an object tells anything about a colour or the light behind it."""
    backdrops = draw_backdrops(Draws(1, torch.arange(2000), "background"))
    objects = draw_objects("heads", 1, 2000)
    ours = torch.cat([getattr(objects, f.name).flatten(1) for f in fields(objects)], 1)
    theirs = torch.cat(
        [backdrops.family.float(), backdrops.colors.flatten(1), backdrops.light.flatten(1)], 1
    )
    table = torch.cat([ours, theirs], 1)
    table = table[:, table.std(0) > 1e-6]
    split = table.shape[1] - theirs.shape[1]
    correlation = torch.corrcoef(table.t())[:split, split:]
    assert correlation.abs().max() < 0.12  # the largest of thousands; one has deviation 0.022


def test_backgrounds_are_seamless_and_do_not_depend_on_their_group() -> None:
    count = 40
    backdrops = draw_backdrops(Draws(0, torch.arange(count), "background"))
    assert set(backdrops.family[:, 0].tolist()) == set(range(len(FAMILIES)))
    angle = torch.linspace(0, 6.2832, 20001)
    ring = torch.stack([angle.sin(), 0 * angle + 0.05, angle.cos()])
    ring = (ring / ring.norm(dim=0)).expand(count, -1, -1)
    families = backdrops.family[:, 0]
    colors = radiance(backdrops, families, ring)
    assert colors.isfinite().all() and colors.min() >= 0
    torch.testing.assert_close(colors[..., 0], colors[..., -1], atol=0.02, rtol=0)
    # Noise is continuous where longitude starts again: gradients have no jump anywhere.
    smooth = families == FAMILIES.index("gradient")
    assert (colors[smooth].diff(dim=2).abs().amax() < 5e-3).item()
    for row in (0, 3):
        one = type(backdrops)(**{k: v[row : row + 1] for k, v in vars(backdrops).items()})
        alone = radiance(one, families[row : row + 1], ring[row : row + 1])
        assert torch.equal(alone[0], colors[row])


def test_background_is_on_a_sphere() -> None:
    """A point of the sphere has one colour, from wherever it is seen."""
    world = ToyWorld("cars", 32, samples=1)
    drawn = draw_backdrops(Draws(0, torch.tensor([0]), "background"))
    batch = world.render([0])
    rays = Camera.from_label(batch.label[0]).rays(32, 32)
    along = (rays.origins * rays.directions).sum(1)
    gap = SPHERE_RADIUS**2 - RADIUS**2
    points = rays.origins + rays.directions * ((along**2 + gap).sqrt() - along)[:, None]
    colors = radiance(drawn, drawn.family[:, 0], (points / SPHERE_RADIUS).t()[None])
    free = batch.mask.flatten() == 0
    seen = 0.5 * batch.image.flatten(2)[0] + 0.5
    assert (encode(colors)[0] - seen)[:, free].abs().median() < 1e-3


def test_a_room_has_real_distances() -> None:
    """What two cameras see at one point of a wall is the same; the wall is no sphere."""
    backdrops = draw_backdrops(Draws(0, torch.arange(6), "background"), rooms=True)
    around = Surroundings(backdrops, backdrops.family[:, 0], near=True)
    position = torch.tensor([0.9, 0.4, 2.5]).expand(6, -1)[..., None]
    angle = torch.linspace(0, 6.2832, 2001)
    ring = torch.stack([angle.sin(), 0 * angle, angle.cos()]).expand(6, -1, -1)
    seen, from_middle = around.behind(0 * position, ring)
    torch.testing.assert_close(from_middle, wall_distance(backdrops, ring)[:, 0])
    for distance, same in ((wall_distance(backdrops, ring), True), (torch.tensor(3.0), False)):
        there = ring * distance - position
        again, reach = around.behind(position, there / there.norm(dim=1, keepdim=True))
        # Only how a wall is lit by the direction from its middle differs, and edges by rounding.
        close = ((again - seen).abs().amax(1) < 0.02).float().mean()
        assert (close > 0.97) == same, close
        near = (reach - there.norm(dim=1)).abs() < 1e-3
        assert (near.float().mean() > 0.99) == same
    assert torch.equal(around.behind(0 * position, ring)[0], around.mirrored(0 * ring, ring))


def wall_distance(backdrops: Backdrop, ring: Tensor) -> Tensor:
    """How far (B, 1, R) the walls are from the middle in level directions, world units."""
    half_x, half_z = (ROOM_SCALE * (0.8 + 0.7 * backdrops.shape[:, i : i + 1]) for i in (0, 1))
    turn = backdrops.turn
    across = ring[:, 0] * turn.cos() - ring[:, 2] * turn.sin()
    along = ring[:, 0] * turn.sin() + ring[:, 2] * turn.cos()
    return torch.minimum(half_x / across.abs(), half_z / along.abs())[:, None]


def test_every_camera_is_in_the_room() -> None:
    backdrops = draw_backdrops(Draws(3, torch.arange(500), "background"), rooms=True)
    shortest = backdrops.shape[:, :3].amin(0)
    half = ROOM_SCALE * (0.8 + 0.7 * shortest[:2])
    top = ROOM_SCALE * (0.45 + 0.3 * shortest[2])
    assert half.min() > RADIUS and top > RADIUS * math.sin(DOMAINS["rooms"].pitch[1])
    cars, rooms = ToyWorld("cars", 16).render([0, 1]), ToyWorld("rooms", 16).render([0, 1])
    for name in ("label", "mask", "depth", "normals"):
        assert torch.equal(getattr(cars, name), getattr(rooms, name))
    assert (cars.image - rooms.image).abs().mean() > 0.01


@pytest.mark.parametrize("domain", ["heads", "rooms"])
def test_background_depths_lead_to_the_background(domain: str) -> None:
    """To the painted sphere, or to the walls of a room, whatever is in front."""
    batch = ToyWorld(domain, 32, seed=4, samples=1).render(range(6))
    backdrops = draw_backdrops(Draws(4, torch.arange(6), "background"), rooms=domain == "rooms")
    for row in range(6):
        rays = Camera.from_label(batch.label[row]).rays(32, 32)
        points = rays.origins + rays.directions * batch.background_depth[row].flatten()[:, None]
        if domain == "heads":
            radius = points.norm(dim=1)
            torch.testing.assert_close(radius, torch.full_like(radius, SPHERE_RADIUS))
            continue
        shape, turn = backdrops.shape[row], backdrops.turn[row]
        x = points[:, 0] * turn.cos() - points[:, 2] * turn.sin()
        z = points[:, 0] * turn.sin() + points[:, 2] * turn.cos()
        half_x, half_z = (ROOM_SCALE * (0.8 + 0.7 * shape[i]) for i in (0, 1))
        bottom, top = ROOM_SCALE * (0.28 + 0.2 * shape[2]), ROOM_SCALE * (0.45 + 0.3 * shape[2])
        gaps = [half_x - x.abs(), half_z - z.abs(), points[:, 1] + bottom, top - points[:, 1]]
        nearest = torch.stack(gaps).amin(0)  # of the six sides: one is met, none is passed
        torch.testing.assert_close(nearest, torch.zeros_like(nearest), atol=1e-4, rtol=0)
        assert (batch.background_depth[row] > batch.depth[row])[batch.mask[row] > 0].all()


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="heads, cars, rooms; got 'cats'"):
        ToyWorld("cats", 64)
    with pytest.raises(ValueError, match="multiple of 8"):
        ToyWorld("heads", 60)
    with pytest.raises(ValueError, match="seed"):
        ToyWorld("heads", 64, seed=-1)
    with pytest.raises(ValueError, match="samples"):
        ToyWorld("heads", 64, samples=0)
    with pytest.raises(ValueError, match="indices"):
        ToyWorld("heads", 64).render([])


def test_stream_goes_on_and_can_be_shared_among_workers() -> None:
    world = ToyWorld("cars", 16, samples=1)
    stream = world.stream(2, start=1, stride=3)
    assert_same(next(stream), world.render([1, 4]))
    assert_same(next(stream), world.render([7, 10]))


# Files


class Stop(Exception):
    pass


def read(path: Path, name: str) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        return np.asarray(Image.open(io.BytesIO(archive.read(name))))


def write(path: Path, **options: object) -> None:
    toy_dataset.write_dataset("cars", 5, 16, 0, path, **options)  # type: ignore[arg-type]


def test_dataset_is_read_back(tmp_path: Path) -> None:
    fractions: list[float] = []
    write(tmp_path / "cars.zip", progress=fractions.append)
    assert fractions[-1] == 1 and fractions == sorted(fractions)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cars-truth.zip", "cars.zip"]
    batch = ToyWorld("cars", 16).render(range(5))
    with zipfile.ZipFile(tmp_path / "cars.zip") as archive:
        labels = dict(json.loads(archive.read("dataset.json"))["labels"])
        assert archive.namelist() == [*labels, "dataset.json"]
    assert list(labels)[4] == "00000/img00000004.png"
    truth = truth_path(tmp_path / "cars.zip")
    for row, (name, label) in enumerate(labels.items()):
        assert torch.equal(torch.tensor(label), batch.label[row])
        image = read(tmp_path / "cars.zip", name)
        assert image.shape == (16, 16, 3) and image.dtype == np.uint8
        assert_close(image / 127.5 - 1, batch.image[row].permute(1, 2, 0), 0.0041)
        assert_close(read(truth, f"mask/{name}") / 255, batch.mask[row, 0], 0.002)
        depth = decode_depth(read(truth, f"depth/{name}"))
        assert_close(depth, batch.depth[row, 0], 3e-5)
        normals = read(truth, f"normals/{name}") / 127.5 - 1
        assert_close(normals, batch.normals[row].permute(1, 2, 0), 0.0041)
    with zipfile.ZipFile(truth) as archive:
        assert not any(name.startswith("background/") for name in archive.namelist())


def test_dataset_of_rooms_has_their_depth(tmp_path: Path) -> None:
    toy_dataset.write_dataset("rooms", 2, 16, 0, tmp_path / "rooms.zip")
    batch = ToyWorld("rooms", 16).render(range(2))
    for row in range(2):
        kept = read(truth_path(tmp_path / "rooms.zip"), f"background/{image_name(row)}")
        assert_close(decode_background_depth(kept), batch.background_depth[row, 0], 1.1e-4)


def assert_close(found: np.ndarray, expected: Tensor, tolerance: float) -> None:
    np.testing.assert_allclose(found, expected.numpy(), atol=tolerance, rtol=0)


def test_interrupted_writing_goes_on_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, resumed = tmp_path / "whole.zip", tmp_path / "resumed.zip"
    monkeypatch.setattr(toy_dataset, "PART", 2)
    write(whole)

    def stop(fraction: float) -> None:
        if fraction > 0.5:
            raise Stop

    with pytest.raises(Stop):
        write(resumed, progress=stop)
    parts = tmp_path / "resumed.zip.parts"
    assert not resumed.exists() and len(list(parts.glob("*.zip"))) == 2
    with pytest.raises(ValueError, match="other settings"):
        toy_dataset.write_dataset("cars", 5, 24, 0, resumed)
    damaged = sorted(parts.glob("*.zip"))[1]
    damaged.write_bytes(damaged.read_bytes()[:-30])
    rendered: list[int] = []
    render = ToyWorld.render

    def watch(self: ToyWorld, indices: range) -> ToyBatch:
        rendered.extend(indices)
        return render(self, indices)

    monkeypatch.setattr(ToyWorld, "render", watch)
    write(resumed)
    assert rendered == [2, 3, 4]  # the first part was kept, the damaged one made again
    assert resumed.read_bytes() == whole.read_bytes()
    assert truth_path(resumed).read_bytes() == truth_path(whole).read_bytes()
    assert not parts.exists()


def test_command_makes_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "toys.zip"
    arguments = ["data", "toyworld", "cars", "--count", "2", "--size", "16", "--output"]
    assert main([*arguments, str(output), "--no-truth"]) == 0
    assert "2 images of cars" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["toys.zip"]
    assert main([*arguments, str(output), "--count", "0"]) == 1
    assert "count should be at least 1; got 0" in capsys.readouterr().err
