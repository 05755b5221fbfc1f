"""Image files in and out, and contact sheets."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from .files import atomic_write
from .png import encode_png_bands

MAX_PIXELS = 2**26  # 67 megapixels, e.g. 11 500 x 5 750; 0.8 GB as float32 RGB

_FORMATS = ("PNG", "JPEG", "WEBP")
_SHEET_GAP = 8  # pixels between cells
_SHEET_BACKGROUND = (30, 32, 36)
_SHEET_TEXT = (208, 210, 214)
_CHECKER = (96, 128)  # grey levels behind transparent cells
_CHECKER_SIZE = 8  # pixels


def load_image(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a PNG, JPEG or WebP file as sRGB colours.

    The EXIF orientation and an embedded colour profile are applied; grey, palette, CMYK and
    16-bit images become RGB; transparent parts are shown on white; of an animation the first
    picture is taken.

    Args:
        path: the file; recognised by its content, whatever its suffix.
        max_pixels: refuse larger images before their pixels are decoded.

    Returns:
        (H, W, 3) float32 in [0, 1].

    Raises:
        ValueError: the file is missing, is no such image, is damaged, or is too large.
    """
    name = str(path)
    if not Path(path).is_file():
        what = "is not a regular file" if Path(path).exists() else "does not exist"
        what = "is a folder" if Path(path).is_dir() else what
        raise ValueError(f"{name} {what}; an image file (PNG, JPEG or WebP) is needed")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images, which are refused below, and of oddities it can read.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                size = f"{image.width} x {image.height}"
                if image.width * image.height <= max_pixels:
                    return _decode(image)
    except UnidentifiedImageError as error:
        raise ValueError(f"{name} is not an image that we read (PNG, JPEG or WebP)") from error
    except Image.DecompressionBombError:
        size = "hundreds of millions of"
    except PermissionError as error:
        raise ValueError(f"{name} cannot be read: permission denied") from error
    except MemoryError:
        raise
    except Exception as error:  # damaged files raise anything from struct.error to IndexError
        raise ValueError(
            f"{name} is damaged or incomplete ({error}). Copy or download it again?"
        ) from error
    raise ValueError(
        f"{name} is too large: it has {size} pixels, the limit is {max_pixels / 1e6:.3g} million. "
        "Make a smaller copy of it"
    )


def read_pixels(path: str | Path) -> np.ndarray:
    """Bytes (H, W, 3 or 4) of a PNG file that `write_png` wrote."""
    with Image.open(path, formats=("PNG",)) as picture:
        return np.asarray(picture)


def read_texts(path: str | Path) -> dict[str, str]:
    """Texts before the pixels of a PNG file by their keywords; empty if there are none.

    Raises OSError or ValueError for what is missing or damaged.
    """
    with Image.open(path, formats=("PNG",)) as picture:
        texts = picture.info.items()
        return {str(name): text for name, text in texts if isinstance(text, str)}


def write_png(path: str | Path, image: np.ndarray, metadata: dict[str, str] | None = None) -> None:
    """Write an 8-bit PNG file; nothing is left behind if that fails.

    Args:
        path: the file.
        image: (H, W, 3) RGB or (H, W, 4) RGBA with straight (un-premultiplied) colours, floats;
            clipped to [0, 1] and rounded to the nearest of 256 steps; or bytes, written as they
            are.
        metadata: text chunks, keyword (1 to 79 Latin letters) -> text.

    Raises:
        ValueError: the array has another shape, or holds NaN.
        OSError: the file cannot be written.
    """
    chunks = PngInfo()
    for key, text in (metadata or {}).items():
        chunks.add_text(key, text)
    picture = Image.fromarray(quantize(image))
    with atomic_write(path) as file:
        picture.save(file, format="PNG", pnginfo=chunks)


def write_rgba(path: str | Path, image: np.ndarray, metadata: dict[str, str] | None = None) -> None:
    """`write_png` of straight RGBA (H, W, 4); without alpha where all of it is opaque."""
    opaque = bool((image[..., 3] >= 1).all())
    write_png(path, image[..., :3] if opaque else image, metadata)


def write_png_bands(
    path: str | Path,
    bands: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    metadata: dict[str, str] | None = None,
) -> None:
    """Write a PNG file of a picture that comes in bands; as `write_png`, without holding it.

    Args:
        path: the file.
        bands: (rows, W, C) floats, from top to bottom; they may raise to stop.
        shape: width, height and channels C (3 or 4) of the picture.
        metadata: text chunks, keyword -> text.
    """
    with atomic_write(path) as file:
        for part in encode_png_bands(map(quantize, bands), shape, metadata):
            file.write(part)


def resize_image(image: np.ndarray, max_side: int) -> np.ndarray:
    """Shrink an image so that its longer side is at most max_side pixels.

    Args:
        image: (H, W, 3) or (H, W, 4) straight floats in [0, 1].
        max_side: pixels, 1 or more.

    Returns:
        (h, w, 3 or 4) float32; the image itself if it is small enough. Colours are weighted by
        their alpha, so that the invisible colour of transparent pixels does not bleed.
    """
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    picture = Image.fromarray(quantize(image))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.float32) / 255


def contact_sheet(
    rows: Sequence[Sequence[np.ndarray]],
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
) -> np.ndarray:
    """Lay images out as a table with labels, on a dark grey ground.

    Args:
        rows: images (H, W, 3) or (H, W, 4) straight floats in [0, 1], all of one height and
            width. RGBA images are shown on a checkerboard.
        row_labels: one per row, drawn at the left; or none.
        column_labels: one per column, drawn above; or none.

    Returns:
        (H', W', 3) float32 in [0, 1].

    Raises:
        ValueError: there are no images, or their sizes or the numbers of labels differ.
    """
    _check_table(rows, row_labels, column_labels)
    height, width = rows[0][0].shape[:2]
    font_size = max(11, min(20, width // 12))
    font = ImageFont.load_default(size=font_size)
    left = _SHEET_GAP + _measure_labels(font, row_labels)
    top = _SHEET_GAP + (round(font_size * 1.6) if column_labels else 0)
    columns = max(len(row) for row in rows)
    step_x, step_y = (
        max(width, _measure_labels(font, column_labels)) + _SHEET_GAP,
        height + _SHEET_GAP,
    )
    sheet = Image.new("RGB", (left + columns * step_x, top + len(rows) * step_y), _SHEET_BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for i, label in enumerate(row_labels):
        place = (_SHEET_GAP, top + i * step_y + height / 2)
        draw.text(place, label, _SHEET_TEXT, font=font, anchor="lm")
    for j, label in enumerate(column_labels):
        place = (left + j * step_x + width / 2, _SHEET_GAP / 2 + top / 2)
        draw.text(place, label, _SHEET_TEXT, font=font, anchor="mm")
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            cell = Image.fromarray(quantize(_flatten(image)))
            sheet.paste(cell, (left + j * step_x, top + i * step_y))
    return np.asarray(sheet, np.float32) / 255


def _decode(image: Image.Image) -> np.ndarray:
    """Pixels of an open image as (H, W, 3) float32 in [0, 1]."""
    picture = ImageOps.exif_transpose(image)
    if picture.mode.startswith("I"):  # 16-bit grey; converting it to RGB would clip at 255
        grey = np.asarray(picture).astype(np.float32) / 65535
        return np.repeat(grey.clip(0, 1)[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    pixels = np.asarray(_convert_to_srgb(picture, image.info.get("icc_profile")))
    result = pixels.astype(np.float32)
    result /= 255  # in place: large photographs are most of the memory in use
    return result


def _convert_to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in the sRGB colour space; a profile that does not fit the picture is ignored."""
    if profile and picture.mode in ("RGB", "L", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass
    return picture.convert("RGB")


def quantize(image: np.ndarray) -> np.ndarray:
    """Floats (H, W, 3 or 4), clipped to [0, 1] -> bytes, rounded; bytes stay as they are.

    Raises ValueError for another shape, or values that are not numbers.
    """
    if image.ndim != 3 or image.shape[2] not in (3, 4) or 0 in image.shape:
        raise ValueError(f"an image should be (H, W, 3) or (H, W, 4); got {image.shape}")
    if image.dtype == np.uint8:
        return image
    if np.isnan(image).any():
        raise ValueError("the image holds values that are not numbers (NaN)")
    return np.rint(image.clip(0, 1) * 255).astype(np.uint8)


def _flatten(image: np.ndarray) -> np.ndarray:
    """Show an RGBA image on a checkerboard, (H, W, 3); an RGB image is returned as it is."""
    if image.shape[2] == 3:
        return image
    rows, columns = (np.arange(size) // _CHECKER_SIZE for size in image.shape[:2])
    board = np.where((rows[:, None] + columns) % 2, *_CHECKER)[:, :, None] / 255
    alpha = image[:, :, 3:]
    return image[:, :, :3] * alpha + board * (1 - alpha)


def _measure_labels(
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont, labels: Sequence[str]
) -> int:
    """Width in pixels that labels need, the gap behind them included; 0 without labels."""
    return max((round(font.getlength(label)) + _SHEET_GAP for label in labels), default=0)


def _check_table(
    rows: Sequence[Sequence[np.ndarray]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
) -> None:
    sizes = {image.shape[:2] for row in rows for image in row}
    if len(sizes) != 1:
        raise ValueError(f"the images of a contact sheet should have one size; got {sorted(sizes)}")
    columns = {len(row) for row in rows}
    if row_labels and len(row_labels) != len(rows):
        raise ValueError(f"{len(rows)} rows should have as many labels; got {len(row_labels)}")
    if column_labels and {len(column_labels)} != columns:
        raise ValueError(
            f"rows of {sorted(columns)} images should have as many column labels; "
            f"got {len(column_labels)}"
        )
