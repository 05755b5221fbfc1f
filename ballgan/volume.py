"""Volume rendering: distances along rays, and one compositing function.

Two published two-pass schemes are reproduced to rounding. "eg3d" (EG3D supplement): strata, and
the mean of two neighbouring samples between them. "nerf" (NeRF sec. 5.2, as StyleNeRF has it):
samples from the near to the far end, each of which holds up to the next one. Distances are
measured along unit directions; what is behind the last sample is the opaque background.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def density_to_extinction(density: Tensor) -> Tensor:
    """softplus(raw - 1): the extinction per world unit of a raw density (mip-NeRF)."""
    return F.softplus(density - 1)


def sample_stratified(
    near: Tensor, far: Tensor, count: int, *, jitter: Tensor | None = None, disparity: bool = False
) -> Tensor:
    """Distances in `count` strata between `near` and `far`, both (N, 1): (N, count).

    `jitter` (N, count) in [0, 1) places each sample in its stratum; None: at its centre. The step
    is (far - near) / (count - 1), so the last stratum reaches beyond `far`: published models need
    that.
    """
    index = torch.arange(count, device=near.device, dtype=near.dtype)
    fraction = (index + (0.5 if jitter is None else jitter)) / (count - 1)
    if disparity:
        return 1 / ((1 - fraction) / near + fraction / far)
    return near + fraction * (far - near)


def sample_ends(near: Tensor, far: Tensor, count: int, *, jitter: Tensor | None = None) -> Tensor:
    """`count` even distances from `near` to `far`, both (N, 1) and included: (N, count).

    `jitter` (N, count) in [0, 1) moves each sample within half the way to its neighbours.
    """
    fraction = torch.linspace(0, 1, count, device=near.device, dtype=near.dtype)
    if jitter is not None:
        middle = (fraction[1:] + fraction[:-1]) / 2
        low = torch.cat([fraction[:1], middle])
        high = torch.cat([middle, fraction[-1:]])
        fraction = low + (high - low) * jitter
    return far * fraction + near * (1 - fraction)


def sample_importance(
    distances: Tensor, weights: Tensor, count: int, *, u: Tensor | None = None
) -> Tensor:
    """Further distances where `weights` are large (inverse transform sampling): (N, count).

    Args:
        distances: (N, S), ascending.
        weights: (N, S - 1), of the intervals between them.
        u: (N, count) or (count,) in [0, 1); evenly spaced by default.

    The weights are blurred (maximum, then mean of neighbours) and the last bin is never used:
    published models need both. Not differentiable.
    """
    with torch.no_grad():
        padded = F.pad(weights[:, None], (1, 1), value=-torch.inf)
        blurred = F.max_pool1d(padded, 2, 1)
        blurred = F.avg_pool1d(blurred, 2, 1)[:, 0] + 0.01  # (N, S - 1)
        if u is None:
            steps = torch.arange(count, device=distances.device, dtype=distances.dtype)
            u = (steps + 0.5) / count
        return _invert_distribution(distances, blurred[:, 1:-1], u, count, right=True)


def sample_importance_ends(
    distances: Tensor, weights: Tensor, count: int, *, u: Tensor | None = None
) -> Tensor:
    """The same for the scheme "nerf": weights as they are, and u from 0 to 1 by default."""
    with torch.no_grad():
        if u is None:
            u = torch.linspace(0, 1, count, device=distances.device, dtype=distances.dtype)
        return _invert_distribution(distances, weights[:, 1:], u, count, right=False)


def draw_coarse(
    near: Tensor,
    far: Tensor,
    count: int,
    scheme: str,
    *,
    jitter: Tensor | None = None,
    disparity: bool = False,
) -> Tensor:
    """The first distances (N, count) of a scheme between `near` and `far`, both (N, 1)."""
    if scheme == "nerf":
        return sample_ends(near, far, count, jitter=jitter)
    return sample_stratified(near, far, count, jitter=jitter, disparity=disparity)


def draw_fine(
    distances: Tensor, weights: Tensor, count: int, scheme: str, *, u: Tensor | None = None
) -> Tensor:
    """The second distances (N, count) of a scheme, where the first have weight."""
    draw = sample_importance_ends if scheme == "nerf" else sample_importance
    return draw(distances, weights, count, u=u)


def _invert_distribution(
    distances: Tensor, weights: Tensor, u: Tensor, count: int, *, right: bool
) -> Tensor:
    """Where the distribution of `weights` (N, S - 2), round the inner distances, reaches u."""
    bins = (distances[:, 1:] + distances[:, :-1]) / 2  # (N, S - 1)
    pdf = weights + 1e-5
    pdf = pdf / pdf.sum(-1, keepdim=True)
    cdf = F.pad(pdf.cumsum(-1), (1, 0))  # (N, S - 1), or one less if the last bin is not used
    u = u.expand(distances.shape[0], count).contiguous()
    index = torch.searchsorted(cdf, u, right=right)
    low = (index - 1).clamp_min(0)
    high = index.clamp_max(cdf.shape[1] - 1)
    cdf_low, cdf_high = cdf.gather(1, low), cdf.gather(1, high)
    bin_low, bin_high = bins.gather(1, low), bins.gather(1, high)
    width = cdf_high - cdf_low
    width = torch.where(width < 1e-5, torch.ones_like(width), width)
    return bin_low + (u - cdf_low) / width * (bin_high - bin_low)


def interval_weights(
    distances: Tensor, density: Tensor, scheme: str = "eg3d"
) -> tuple[Tensor, Tensor]:
    """Weights (N, K - 1) of the intervals between samples, and the final transmittance (N,).

    alpha_k = 1 - exp(-softplus(raw density - 1) delta_k), w_k = alpha_k prod_{l<k}(1 - alpha_l);
    weights and transmittance sum to 1 (up to the 1e-10 that published models need). The density
    of an interval is the mean of its two samples, or with "nerf" that of the first.
    """
    delta = distances[:, 1:] - distances[:, :-1]
    before, behind = density[:, :-1], density[:, 1:]
    inside = before if scheme == "nerf" else (behind + before) / 2
    alpha = 1 - torch.exp(-density_to_extinction(inside) * delta)
    transmittance = F.pad(torch.cumprod(1 - alpha + 1e-10, dim=1), (1, 0), value=1.0)
    return alpha * transmittance[:, :-1], transmittance[:, -1]


@dataclass(frozen=True)
class RaySamples:
    """The field along rays.

    distances: (N, K), ascending, world units along unit rays. density: (N, K), raw. features:
    (N, K, F). order: (N, K), the index into `features` of each sample; None: they are in order.
    scheme: how samples add up. opaque_end: no light passes the last sample ("nerf" only).
    """

    distances: Tensor
    density: Tensor
    features: Tensor
    order: Tensor | None = None
    scheme: str = "eg3d"
    opaque_end: bool = False

    def weights(self) -> tuple[Tensor, Tensor]:
        """Weights (N, K) of the samples, in order of distance, and the final transmittance (N,).

        "eg3d" shares the weight of each interval between its two samples.
        """
        weights, transmittance = interval_weights(self.distances, self.density, self.scheme)
        if self.scheme == "eg3d":
            return (F.pad(weights, (1, 0)) + F.pad(weights, (0, 1))) / 2, transmittance
        if not self.opaque_end:
            return F.pad(weights, (0, 1)), transmittance
        return torch.cat([weights, transmittance[:, None]], 1), torch.zeros_like(transmittance)


@dataclass(frozen=True)
class Composite:
    """What rays gathered in the foreground.

    features: (N, F), premultiplied by opacity. opacity: (N,), sum of weights. transmittance: (N,),
    light that reaches the background. distance: (N,), premultiplied: sum of weight times distance.
    """

    features: Tensor
    opacity: Tensor
    transmittance: Tensor
    distance: Tensor

    def over(self, background: Tensor) -> Tensor:
        """Features (N, F) before an opaque background: C = sum w c + T c_bg (BallGAN eq. 5)."""
        return self.features + self.transmittance[:, None] * background

    def mean_distance(self, background_distance: Tensor | None = None) -> Tensor:
        """Expected distance (N,), of the foreground alone or with the background behind it.

        Alone it is infinite where nothing was hit.
        """
        if background_distance is None:
            return torch.where(self.opacity > 1e-3, self.distance / self.opacity, torch.inf)
        total = self.opacity + self.transmittance
        return (self.distance + self.transmittance * background_distance) / total

    @staticmethod
    def empty(count: int, features: int, like: Tensor) -> "Composite":
        """Room for what `count` rays gather, to be filled by `put`."""
        rays = [like.new_empty(count) for _ in range(3)]
        return Composite(like.new_empty(count, features), *rays)

    def put(self, part: slice, gathered: "Composite") -> None:
        """Take what some of the rays gathered."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[part] = getattr(gathered, name)

    @staticmethod
    def concatenate(parts: "list[Composite]") -> "Composite":
        """Joins tiles of rays."""
        names = Composite.__dataclass_fields__
        return Composite(*(torch.cat([getattr(part, name) for part in parts]) for name in names))

    @staticmethod
    def sum(parts: "list[Composite]") -> "Composite":
        """Adds up, value by value, what the same rays gathered several times."""
        names = Composite.__dataclass_fields__
        if len(parts) == 1:
            return parts[0]
        return Composite(*(torch.stack([getattr(p, n) for p in parts]).sum(0) for n in names))

    def scaled(self, factor: float) -> "Composite":
        """All values times `factor`: weights of a mean."""
        if factor == 1:
            return self
        names = Composite.__dataclass_fields__
        return Composite(*(factor * getattr(self, name) for name in names))


def composite(samples: RaySamples) -> Composite:
    """Gather samples along rays."""
    weights, transmittance = samples.weights()
    along, opacity = (weights * samples.distances).sum(-1), weights.sum(-1)
    if samples.order is not None:
        # Sorting weights is much cheaper than sorting features.
        weights = torch.zeros_like(weights).scatter(1, samples.order, weights)
    return Composite(
        features=torch.einsum("nk,nkf->nf", weights, samples.features),
        opacity=opacity,
        transmittance=transmittance,
        distance=along,
    )
