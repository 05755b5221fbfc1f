"""Options that say which layer a picture shows, and how: depth in colours, the mesh in clay."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ballgan.view import COLORMAPS, LAYERS, PAINTS, DepthStyle, MeshStyle

from .values import parse_depth_range, parse_level

MESH_OPTIONS = ("paint", "wireframe", "level")


def add_layer(command: ArgumentParser) -> None:
    """--layer and how it is shown."""
    command.add_argument(
        "--layer",
        metavar="LAYER",
        choices=LAYERS,
        default="full",
        help="full; foreground (RGBA, straight colours); background (the whole sphere); raw "
        "(before super-resolution); normals (RGBA); depth (see --depth-range and --colormap); "
        "alpha (white where the foreground is opaque); surface (RGBA: the mesh, see --paint, "
        "--wireframe and --level) (default: %(default)s)",
    )
    command.add_argument(
        "--depth-range",
        metavar="NEAR,FAR",
        type=parse_depth_range,
        help="distances in world units that --layer depth shows brightest and darkest; the same in "
        "all pictures (default: the nearest and farthest that the model samples)",
    )
    command.add_argument(
        "--colormap",
        choices=COLORMAPS,
        default="grey",
        help="of --layer depth: its dark end is far, and where there is no foreground; with "
        "--background none that is transparent (default: %(default)s)",
    )
    command.add_argument(
        "--paint",
        choices=PAINTS,
        default="clay",
        help="of --layer surface: shaded clay, or the mesh's own colours (default: %(default)s)",
    )
    command.add_argument(
        "--wireframe",
        action="store_true",
        help="of --layer surface: draw the edges of its triangles (default: none)",
    )
    command.add_argument(
        "--level",
        type=parse_level,
        default="auto",
        help="of --layer surface: raw density where it lies, or auto (default: %(default)s)",
    )


def choose_depth(args: Namespace) -> DepthStyle:
    """How `--layer depth` is shown."""
    near, far = args.depth_range or (None, None)
    return DepthStyle(near, far, args.colormap)


def choose_mesh(args: Namespace) -> MeshStyle:
    """How `--layer surface` is shown. Raises ValueError for its options with other layers."""
    for name in MESH_OPTIONS:
        if args.layer != "surface" and getattr(args, name) != args.defaults[name]:
            raise ValueError(f"--{name} needs --layer surface, the mesh")
    level = None if args.level == "auto" else float(args.level)
    return MeshStyle(args.paint, args.wireframe, level)
