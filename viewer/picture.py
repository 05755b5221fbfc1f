"""Draws the stage: the rendered picture on its checkerboard, or the shaded surface."""

import math
from typing import Any

import numpy as np
from OpenGL import GL

from ballgan.view import Orbit, View

from . import gl, theme
from .layout import Rect
from .navigation import eye_position, image_axes
from .requests import Pixels, Surface
from .upload import Upload, choose_upload

CHECKER = 10.0  # logical pixels, side of a square


def place(
    rectangle: Rect, framebuffer: tuple[int, int], scale: float, *, grounded: bool = False
) -> dict[str, Any]:
    """Uniforms of picture.vert for a rectangle in pixels, and of the checkerboard in it; grounded:
    of the plain ground of a mesh."""
    even, odd = (theme.GROUND, theme.GROUND) if grounded else theme.CHECKER
    width, height = framebuffer
    bottom = height - rectangle.y - rectangle.height
    return {
        "rectangle": (
            2 * rectangle.x / width - 1,
            2 * bottom / height - 1,
            2 * (rectangle.x + rectangle.width) / width - 1,
            2 * (bottom + rectangle.height) / height - 1,
        ),
        "corner_px": (rectangle.x, bottom),
        "checker_px": CHECKER * scale,
        "checker_even": theme.rgb(even),
        "checker_odd": theme.rgb(odd),
    }


class Stage:
    """Owns what is drawn beside the panel. Rectangles are in framebuffer pixels, y down."""

    def __init__(self) -> None:
        self._picture = gl.Program("picture.vert", "picture.frag")
        self._surface = gl.Program("surface.vert", "surface.frag")
        self._quad = gl.Quad()
        self.way: Upload = choose_upload()  # of pictures into textures
        self._textures = (gl.Texture(self.way), gl.Texture(self.way))  # of the panes
        self._meshes = (gl.Triangles((3, 3, 3)), gl.Triangles((3, 3, 3)))

    def upload_picture(self, pixels: Pixels, pane: int = 0) -> None:
        """Show pixels in a pane: 0 or 1."""
        self._textures[pane].upload(pixels)

    def upload_surface(self, surface: Surface) -> None:
        """Show a surface in the pane that it is for."""
        mesh = surface.mesh
        colors = np.ones_like(mesh.points) if mesh.colors is None else mesh.colors
        values = np.concatenate([mesh.points, mesh.normals, colors], axis=1)
        self._meshes[surface.request.pane].upload(values, mesh.faces)

    def clear(self, width: int, height: int) -> None:
        """Start a frame of `width` x `height` pixels."""
        gl.clear(width, height, theme.rgb(theme.STAGE))

    def draw_picture(
        self, rectangle: Rect, framebuffer: tuple[int, int], scale: float, pane: int = 0
    ) -> None:
        """Draw a pane's picture into `rectangle`; `scale`: pixels a logical pixel."""
        self._textures[pane].bind(0)
        self._picture.use(picture=0, **place(rectangle, framebuffer, scale))
        gl.draw_flat(self._quad)

    def draw_surface(
        self,
        rectangle: Rect,
        framebuffer: tuple[int, int],
        view: View,
        ray_shift: float,
        scale: float,
        pane: int = 0,
    ) -> None:
        """Draw a pane's surface into `rectangle` on a plain ground; scale: pixels a logical one."""
        camera = view.camera
        bottom = framebuffer[1] - rectangle.y - rectangle.height
        place = [round(v) for v in (rectangle.x, bottom, rectangle.width, rectangle.height)]
        with gl.clipped((place[0], place[1], place[2], place[3])):
            gl.clear(*framebuffer, theme.rgb(theme.GROUND))
        GL.glViewport(*place)
        right, up = image_axes(camera)
        eye = eye_position(camera)
        self._surface.use(
            world_to_clip=world_to_clip(camera, ray_shift),
            eye=eye,
            right=right,
            up=up,
            painted=float(view.mesh.paint == "colour"),
            line_px=float(max(scale, 1.0)) if view.mesh.wireframe else 0.0,
        )
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glDisable(GL.GL_CULL_FACE)
        GL.glDisable(GL.GL_BLEND)
        self._meshes[pane].draw()
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glViewport(0, 0, *framebuffer)

    def close(self) -> None:
        """Delete everything."""
        textures = (*self._textures, self.way)
        for part in self._picture, self._surface, self._quad, *textures, *self._meshes:
            part.close()


def world_to_clip(camera: Orbit, shift: float = 0.0) -> np.ndarray:
    """OpenGL's view and projection (4, 4) of a square picture by this camera.

    Agrees with ballgan.Camera: a point lands on the pixel whose ray goes through it. shift: of all
    rays to the left and up, in sides of the picture.
    """
    right, up = image_axes(camera)
    eye = np.array(eye_position(camera))
    view = np.eye(4)
    view[:3, :3] = [right, up, camera.direction]  # OpenGL looks along -z
    view[:3, 3] = -view[:3, :3] @ eye
    focal = 1 / math.tan(camera.fov / 2)
    reach = float(np.linalg.norm(eye)) + 2 * camera.radius
    near, far = 0.01 * camera.radius, reach
    projection = np.zeros((4, 4))
    projection[0, 0] = projection[1, 1] = focal
    projection[0, 2], projection[1, 2] = -2 * shift, 2 * shift
    projection[2, 2] = -(far + near) / (far - near)
    projection[2, 3] = -2 * far * near / (far - near)
    projection[3, 2] = -1
    return projection @ view
