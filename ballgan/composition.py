"""What is shown of a scene: its layers, put together from what rays gathered and what is behind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from .backgrounds import LearntBackground, expose
from .bands import Layers
from .frame import VISIBLE, resize
from .generator import Generator
from .lighting import relight
from .matte import extend_colors, solve_matte
from .shot import Shot
from .stages import Stages, corners_behind
from .transfer import send
from .volume import Composite

if TYPE_CHECKING:
    from .scene import Scene

NORMAL_STEP = 1 / 128  # of the box, for the density's gradient
SHADING_STEP = 1 / 64  # of the box, for the smoother normals that light is matched with
MATTE_GREYS = (0.25, 0.75)  # backgrounds that mattes are solved with


@dataclass(frozen=True)
class Composition:
    """One shot of a scene, and the stages that the scene keeps."""

    scene: Scene
    stages: Stages
    shot: Shot

    @property
    def _model(self) -> Generator:
        return self.scene.model

    def layers(self, gathered: Composite | None = None) -> Layers:
        """What the shot's settings show, before it has its size; see `Scene.layers`."""
        layer, background = self.shot.settings.layer, self.scene.background
        if layer in ("full", "raw", "background") and isinstance(background, LearntBackground):
            corners = corners_behind(self.shot, background)  # beyond which no other ray goes
            self._model.check_rays(corners.origins, corners.directions)
        if layer == "background":
            return self._background()
        gathered = self.scene.gather(self.shot) if gathered is None else gathered
        if layer == "normals":
            return self._normals(gathered)
        return self._foreground(gathered)

    def _foreground(self, gathered: Composite) -> Layers:
        """Layers "full", "raw" and "foreground"."""
        opacity, depth = self.shot.image(gathered.opacity[:, None]), self._depth(gathered)
        behind = None if self.shot.settings.layer == "foreground" else self.scene.background
        learnt = behind if isinstance(behind, LearntBackground) else None
        if learnt is not None and not self._exposes_picture(learnt):
            features, distance = self._before_learnt_background(gathered, learnt)
            rgb = self.picture(self.shot.image(features))
            amount = resize(opacity, rgb.shape[-1])
            rgb = self._match_light(gathered, rgb, amount)
            return self._before(rgb, opacity, depth, distance)
        if self.shot.enlarge and self.shot.settings.matte == "solved":
            opacity, rgb = self.solve_matte(gathered, opacity)
        else:
            premultiplied = self.shot.image(gathered.features)
            rgb = self.picture(extend_colors(premultiplied, opacity))
        rgb = self._match_light(gathered, rgb, 1.0)
        if learnt is not None:
            rest, distance = self._learnt_picture(learnt)
            opacity = resize(opacity, rgb.shape[-1])
            return self._before(rgb * opacity + rest * (1 - opacity), opacity, depth, distance)
        assert not isinstance(behind, LearntBackground)
        return Layers(rgb, opacity, depth, False, behind)

    def _before(
        self, rgb: Tensor, opacity: Tensor, depth: Tensor, distance: Tensor | None
    ) -> Layers:
        """The foreground, before a learnt background at `distance` (N,), where it has one."""
        behind = None if distance is None else self.shot.image(distance[:, None])
        return Layers(rgb, opacity, depth, True, depth_behind=behind)

    def _depth(self, gathered: Composite) -> Tensor:
        """The foreground's expected distance (1, 1, h, w), continued beyond its outline."""
        opacity = self.shot.image(gathered.opacity[:, None])
        return self._continued(self.shot.image(gathered.distance[:, None]), opacity)

    def _continued(self, premultiplied: Tensor, opacity: Tensor) -> Tensor:
        """Straight values of the foreground; beyond its outline, too, if they will be resized, so
        that nothing is mixed with them there, or if super-resolution may draw another outline."""
        straight = premultiplied / opacity.clamp_min(1e-9)
        if self.shot.resolution == self.shot.size and not self.shot.enlarge:
            return straight
        return torch.where(opacity > VISIBLE, straight, extend_colors(premultiplied, opacity))

    def _exposes_picture(self, behind: LearntBackground) -> bool:
        """Whether the background is exposed after super-resolution, which knows features as they
        were learnt; else its raw colours are."""
        return self.shot.enlarge and behind.exposure != 0 and self._model.background is not None

    def solve_matte(self, gathered: Composite, opacity: Tensor) -> tuple[Tensor, Tensor]:
        """Opacity and straight colour of what super-resolution makes of the foreground.

        It is shown before a dark and a bright background that otherwise have the learnt one's mean
        features: what the network knows. Far from that it would answer less evenly.
        """
        pictures, grounds = [], []
        for grey in MATTE_GREYS:
            even = self.mean_background().clone()
            even[:3] = grey
            even = even.expand_as(gathered.features)
            pictures.append(self.picture(self.shot.image(gathered.over(even))))
            ground = partial(self.picture, self.shot.image(even))
            grounds.append(self.stages.ground(self.scene.subject, self.shot, grey, ground))
        expected = resize(opacity, pictures[0].shape[-1])
        return solve_matte((pictures[0], pictures[1]), (grounds[0], grounds[1]), expected)

    def mean_background(self) -> Tensor:
        """Features (F,) of the average learnt background; one half without a network for it."""
        count = self._model.config.field.feature_channels
        if self._model.background is None:
            return torch.full((count,), 0.5, device=self._model.device)
        return self.scene.sphere(LearntBackground(truncation_psi=0.0), 16).flatten(1).mean(1)

    def _match_light(self, gathered: Composite, rgb: Tensor, amount: Tensor | float) -> Tensor:
        """A picture (1, 3, n, n) whose foreground, of opacity `amount`, has the scene's light."""
        shading = self.scene.shading(self.shot.camera)
        if shading is None:
            return rgb
        gradient = self._gradient(gathered, SHADING_STEP)
        ratio = self.shot.image(shading.ratio(F.normalize(-gradient, dim=-1)))
        if rgb.shape[-1] != ratio.shape[-1]:  # beyond the outline there are no normals to mix with
            opacity = self.shot.image(gathered.opacity[:, None])
            ratio = resize(extend_colors(ratio * opacity, opacity), rgb.shape[-1])
        return relight(rgb, ratio, amount)

    def _background(self) -> Layers:
        """Layer "background": the whole background without foreground-shaped holes."""
        behind = self.scene.background
        nothing = torch.zeros(
            1, 1, self.shot.lines, self.shot.resolution, device=self._model.device
        )
        black = nothing.expand(-1, 3, -1, -1)
        if behind is None:
            return Layers(black, nothing, nothing, False)
        if isinstance(behind, LearntBackground):
            if self._model.background is None:
                color = float(self._model.config.white_background)
                return Layers(black + color, nothing, nothing, True)
            rgb, distance = self._learnt_picture(behind)
            return self._before(rgb, nothing, nothing, distance)
        return Layers(black, nothing, nothing, True, behind)

    def _normals(self, gathered: Composite) -> Layers:
        """Layer "normals": camera-space normals as colours, n / 2 + 1 / 2 (x right, y up)."""
        world = F.normalize(-self._gradient(gathered, NORMAL_STEP), dim=-1)
        pose = send(self.shot.camera.cam2world, world.device)
        local = world @ pose[:3, :3] * send([1.0, -1.0, -1.0], world.device)
        opacity = self.shot.image(gathered.opacity[:, None])
        colors = self._continued(self.shot.image(local / 2 + 0.5) * opacity, opacity)
        return Layers(colors, opacity, self._depth(gathered), False)

    def _gradient(self, gathered: Composite, step: float) -> Tensor:
        """The density's gradient (N, 3) where rays are stopped; `step`: of the box."""
        length = step * self._model.config.field.box_warp
        return self.stages.gradient(self.scene.subject, self.shot, gathered, length)

    def _before_learnt_background(
        self, gathered: Composite, background: LearntBackground
    ) -> tuple[Tensor, Tensor | None]:
        """Features (N, F) with the model's own background, and how far that is (N,)."""
        if self._model.background is None:
            return self._model.without_background(gathered), None
        behind, distance = self.stages.look_behind(self.shot, background)
        if background.exposure:
            behind = torch.cat([expose(behind[:, :3], background.exposure), behind[:, 3:]], dim=1)
        return gathered.over(behind), distance

    def _learnt_picture(self, background: LearntBackground) -> tuple[Tensor, Tensor]:
        """Picture (1, 3, H, W) of the learnt background alone, and its distances (N,)."""
        features, distance = self.stages.look_behind(self.shot, background)
        picture = self.picture(self.shot.image(features))
        if background.exposure:
            picture = expose(picture.clamp(0, 1), background.exposure)
        return picture, distance

    def picture(self, features: Tensor) -> Tensor:
        """Feature image (1, F, n, n) in [0, 1] -> picture (1, 3, H, W) in [0, 1]."""
        if not self.shot.enlarge:
            return features[:, :3]
        quick, ws = self.shot.settings.sampler == "fast", self.scene.ws()
        picture = self.scene.within_memory(
            lambda: self._model.picture(
                features, ws, step=lambda: self.shot.report(1.0), quick=quick
            )
        )
        return (picture + 1) / 2
