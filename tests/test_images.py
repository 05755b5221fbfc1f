"""ballgan.images: what comes out of odd files, and what is written."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from ballgan.images import contact_sheet, load_image, resize_image, write_png, write_png_bands

RGB = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 255], [10, 100, 200], [0] * 3]]
)


@pytest.fixture
def rgb() -> Image.Image:
    return Image.fromarray(RGB.astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", {}), ("a.webp", {"lossless": True}), ("suffix.does.not.matter", {"format": "PNG"})],
)
def test_lossless_files_give_exact_colours(name, options, rgb, tmp_path):
    rgb.save(tmp_path / name, **options)
    image = load_image(tmp_path / name)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, RGB.astype(np.float32) / 255)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_files_of_any_mode(mode, tmp_path):
    Image.new("RGB", (40, 20), (60, 60, 60)).convert(mode).save(tmp_path / "a.jpg", quality=95)
    image = load_image(str(tmp_path / "a.jpg"))
    assert image.shape == (20, 40, 3)
    np.testing.assert_allclose(image, 60 / 255, atol=0.02)


def test_exif_orientation_is_applied(rgb, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned clockwise by a quarter
    rgb.save(tmp_path / "a.png", exif=exif)
    image = load_image(tmp_path / "a.png")
    np.testing.assert_array_equal(np.rint(image * 255), np.rot90(RGB, -1))


def test_palette_grey_and_bilevel(rgb, tmp_path):
    rgb.quantize(8).save(tmp_path / "palette.png")
    np.testing.assert_allclose(load_image(tmp_path / "palette.png"), RGB / 255, atol=0.01)
    Image.new("L", (2, 2), 51).save(tmp_path / "grey.png")
    np.testing.assert_allclose(load_image(tmp_path / "grey.png"), 0.2)
    Image.new("1", (2, 2), 1).save(tmp_path / "bilevel.png")
    np.testing.assert_array_equal(load_image(tmp_path / "bilevel.png"), 1)


def test_sixteen_bit_grey_keeps_its_range(tmp_path):
    values = np.array([[0, 13107, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png")
    np.testing.assert_allclose(image, np.repeat([[[0.0], [0.2], [1.0]]], 3, axis=2), atol=1e-6)


def test_transparent_parts_are_white(tmp_path):
    pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    expected = [[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.8, 0.8, 0.8]]]
    np.testing.assert_allclose(load_image(tmp_path / "a.png"), expected, atol=0.005)
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([9, 9, 9])
    palette.save(tmp_path / "palette.png", transparency=0)
    np.testing.assert_array_equal(load_image(tmp_path / "palette.png"), 1)


def test_embedded_profile_is_applied_and_a_broken_one_ignored(tmp_path):
    picture = Image.new("RGB", (4, 4), (200, 100, 50))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for name, profile in [("srgb", srgb), ("broken", b"not a profile")]:
        picture.save(tmp_path / f"{name}.png", icc_profile=profile)
        image = load_image(tmp_path / f"{name}.png")
        np.testing.assert_allclose(image[0, 0] * 255, (200, 100, 50), atol=1)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()  # not for RGB pixels
    picture.save(tmp_path / "lab.png", icc_profile=lab)
    assert load_image(tmp_path / "lab.png").shape == (4, 4, 3)


def test_first_picture_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    np.testing.assert_array_equal(load_image(tmp_path / "a.webp")[0, 0], [1, 0, 0])


def png_of_size(width: int, height: int) -> bytes:
    """A tiny file that claims to be a huge image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [9000, 12_000, 60_000])  # fine for Pillow; a warning; an error
def test_huge_images_are_refused_before_decoding(side, tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(png_of_size(side, side))
    with pytest.raises(
        ValueError, match=r"huge\.png is too large: .* 67.1 million\. Make a smaller"
    ):
        load_image(path)


def test_limit_can_be_chosen(rgb, tmp_path):
    rgb.save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="it has 3 x 2 pixels"):
        load_image(tmp_path / "a.png", max_pixels=5)
    assert load_image(tmp_path / "a.png", max_pixels=6).shape == (2, 3, 3)


def encoded(kind: str) -> bytes:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_truncated_files_name_the_file(kind, tmp_path):
    path = tmp_path / "cut.img"
    path.write_bytes(encoded(kind)[:-200])
    with pytest.raises(ValueError, match=r"cut\.img is (damaged|not an image)"):
        load_image(path)


def test_damaged_files_raise_nothing_but_value_error(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "fuzz.img"
    for kind in ("PNG", "JPEG", "WEBP"):
        original = encoded(kind)
        for _ in range(60):
            data = bytearray(original)
            for place in rng.integers(0, len(data), 4):
                data[place] = rng.integers(256)
            path.write_bytes(data)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    image = load_image(path, max_pixels=10**6)
                assert image.shape[2] == 3
            except ValueError as error:
                assert "fuzz.img" in str(error)


@pytest.mark.parametrize("content", [b"", b"<html>", b"GIF89a" + bytes(20), b"RIFF0000WEBP"])
def test_other_files_are_named_with_the_formats_we_read(content, tmp_path):
    path = tmp_path / "other.png"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"other\.png is (not an image .*PNG, JPEG or WebP|damaged)"
    ):
        load_image(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(ValueError, match=r"none\.png does not exist"):
        load_image(tmp_path / "none.png")
    with pytest.raises(ValueError, match="is a folder"):
        load_image(tmp_path)


def test_written_png_is_rounded_clipped_and_carries_its_metadata(tmp_path):
    image = np.array([[[0.0, 0.5, 1.0], [-1.0, 2.0, 0.1999]]])
    write_png(tmp_path / "a.png", image, {"ballgan": "seed 3", "Title": "Käse"})
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGB"
        np.testing.assert_array_equal(picture, [[[0, 128, 255], [0, 255, 51]]])
        assert picture.info["ballgan"] == "seed 3"
        assert picture.info["Title"] == "Käse"


def test_rgba_keeps_the_colour_of_transparent_pixels(tmp_path):
    image = np.array([[[1.0, 0.5, 0.0, 0.0], [0.2, 0.4, 0.6, 0.8]]], np.float32)
    write_png(tmp_path / "a.png", image)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGBA"
        np.testing.assert_array_equal(picture, [[[255, 128, 0, 0], [51, 102, 153, 204]]])


def test_bad_arrays_write_nothing(tmp_path):
    with pytest.raises(
        ValueError, match=r"should be \(H, W, 3\) or \(H, W, 4\); got \(3, 4, 4, 4\)"
    ):
        write_png(tmp_path / "a.png", np.zeros((3, 4, 4, 4)))
    with pytest.raises(ValueError, match="NaN"):
        write_png(tmp_path / "a.png", np.full((4, 4, 3), np.nan))
    assert not list(tmp_path.iterdir())


def test_resize_shrinks_to_the_longer_side_and_never_enlarges():
    image = np.full((40, 80, 3), 0.2, np.float32)
    assert resize_image(image, 100) is image
    small = resize_image(image, 20)
    assert small.shape == (10, 20, 3)
    np.testing.assert_allclose(small, 0.2, atol=0.002)


def test_resize_ignores_the_colour_of_transparent_pixels():
    image = np.zeros((32, 32, 4), np.float32)
    image[:, :16] = (1, 0, 0, 1)
    image[:, 16:] = (0, 1, 0, 0)
    small = resize_image(image, 8)
    visible = small[small[:, :, 3] > 0.05][:, :3]
    np.testing.assert_allclose(visible, np.broadcast_to([1, 0, 0], visible.shape), atol=0.02)


def test_sheet_places_every_image_in_its_cell():
    colors = np.array([[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 1, 0], [0, 1, 1], [1, 0, 1]]])
    rows = [[np.broadcast_to(color, (64, 64, 3)) for color in row] for row in colors]
    sheet = contact_sheet(rows, ["seed 0", "seed 1"], ["-0.4", "0", "+0.4"])
    assert sheet.dtype == np.float32
    for i in range(2):
        for j in range(3):
            exact = (np.abs(sheet - colors[i, j]) < 1e-6).all(axis=2)
            assert exact.sum() == 64 * 64
            y, x = np.argwhere(exact).mean(axis=0)
            assert (y > sheet.shape[0] / 2) == (i == 1)
            assert sheet.shape[1] * j / 3 < x < sheet.shape[1] * (j + 1) / 3


def test_labels_are_drawn_outside_the_images():
    rows = [[np.zeros((64, 64, 3))] * 2]
    plain, labelled = contact_sheet(rows), contact_sheet(rows, ["seed 7"], ["left", "right"])
    assert plain.max() < 0.2
    assert labelled.max() > 0.7
    assert labelled.shape[0] > plain.shape[0] and labelled.shape[1] > plain.shape[1]
    assert (labelled == 0).all(axis=2).sum() == 2 * 64 * 64


def test_transparent_cells_show_a_checkerboard():
    image = np.zeros((32, 32, 4))
    image[:16] = (1, 0, 0, 1)
    sheet = contact_sheet([[image]])
    levels = np.unique(sheet.reshape(-1, 3), axis=0)
    assert len(levels) == 4  # ground, red, two greys
    assert (sheet == (1, 0, 0)).all(axis=2).sum() == 16 * 32


def test_bad_tables_are_explained():
    cell = np.zeros((8, 8, 3))
    with pytest.raises(ValueError, match="should have one size"):
        contact_sheet([])
    with pytest.raises(ValueError, match=r"one size; got \[\(8, 8\), \(8, 9\)\]"):
        contact_sheet([[cell, np.zeros((8, 9, 3))]])
    with pytest.raises(ValueError, match="1 rows should have as many labels; got 2"):
        contact_sheet([[cell]], ["a", "b"])
    with pytest.raises(ValueError, match=r"rows of \[1\] images .* got 2"):
        contact_sheet([[cell]], (), ["a", "b"])


@pytest.mark.parametrize("channels", [3, 4])
def test_bands_make_the_same_picture(tmp_path: Path, channels: int) -> None:
    image = np.random.default_rng(0).random((150, 7, channels))
    texts = {"ballgan": '{"name": "\u00e4\u2713"}', "Software": "tests"}
    bands = (image[start : start + 70] for start in (0, 70, 140))
    write_png_bands(tmp_path / "a.png", bands, (7, 150, channels), texts)
    write_png(tmp_path / "b.png", image)
    with Image.open(tmp_path / "a.png") as a, Image.open(tmp_path / "b.png") as b:
        assert a.mode == b.mode and (np.asarray(a) == np.asarray(b)).all()
        assert {key: str(a.info[key]) for key in texts} == texts


def test_bands_that_make_no_picture_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="should have 9 rows; got 8"):
        write_png_bands(tmp_path / "a.png", [np.zeros((8, 4, 3))], (4, 9, 3))
    with pytest.raises(ValueError, match=r"\(rows, 4, 3\); got \(9, 4, 4\)"):
        write_png_bands(tmp_path / "a.png", [np.zeros((9, 4, 4))], (4, 9, 3))
    assert list(tmp_path.iterdir()) == []
