"""Volume rendering: distances along rays, and one compositing function.

The published two-pass scheme (EG3D supplement; NeRF sec. 5.2) is reproduced to rounding. Distances
are measured along unit directions; the last sample of every ray is the opaque background.
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
        bins = (distances[:, 1:] + distances[:, :-1]) / 2  # (N, S - 1)
        pdf = blurred[:, 1:-1] + 1e-5
        pdf = pdf / pdf.sum(-1, keepdim=True)
        cdf = F.pad(pdf.cumsum(-1), (1, 0))  # (N, S - 2)
        if u is None:
            steps = torch.arange(count, device=distances.device, dtype=distances.dtype)
            u = (steps + 0.5) / count
        u = u.expand(distances.shape[0], count).contiguous()
        index = torch.searchsorted(cdf, u, right=True)
        low = (index - 1).clamp_min(0)
        high = index.clamp_max(cdf.shape[1] - 1)
        cdf_low, cdf_high = cdf.gather(1, low), cdf.gather(1, high)
        bin_low, bin_high = bins.gather(1, low), bins.gather(1, high)
        width = cdf_high - cdf_low
        width = torch.where(width < 1e-5, torch.ones_like(width), width)
        return bin_low + (u - cdf_low) / width * (bin_high - bin_low)


def interval_weights(distances: Tensor, density: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (N, K - 1) of the intervals between samples, and the final transmittance (N,).

    alpha_k = 1 - exp(-softplus(mean raw density - 1) delta_k), w_k = alpha_k prod_{l<k}(1 -
    alpha_l); weights and transmittance sum to 1 (up to the 1e-10 that published models need).
    """
    delta = distances[:, 1:] - distances[:, :-1]
    midpoint_density = (density[:, 1:] + density[:, :-1]) / 2
    alpha = 1 - torch.exp(-density_to_extinction(midpoint_density) * delta)
    transmittance = F.pad(torch.cumprod(1 - alpha + 1e-10, dim=1), (1, 0), value=1.0)
    return alpha * transmittance[:, :-1], transmittance[:, -1]


@dataclass(frozen=True)
class RaySamples:
    """The field along rays.

    distances: (N, K), ascending, world units along unit rays. density: (N, K), raw. features:
    (N, K, F). order: (N, K), the index into `features` of each sample; None: they are in order.
    """

    distances: Tensor
    density: Tensor
    features: Tensor
    order: Tensor | None = None


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
    """Gather samples along rays.

    Colours and densities of neighbouring samples are averaged over the interval between them.
    """
    distances = samples.distances
    weights, transmittance = interval_weights(distances, samples.density)
    midpoints = (distances[:, 1:] + distances[:, :-1]) / 2
    # sum_k w_k (c_k + c_{k+1}) / 2, without building the averaged features
    sample_weights = (F.pad(weights, (1, 0)) + F.pad(weights, (0, 1))) / 2
    if samples.order is not None:
        # Sorting weights is much cheaper than sorting features.
        sample_weights = torch.zeros_like(sample_weights).scatter(1, samples.order, sample_weights)
    return Composite(
        features=torch.einsum("nk,nkf->nf", sample_weights, samples.features),
        opacity=weights.sum(-1),
        transmittance=transmittance,
        distance=(weights * midpoints).sum(-1),
    )
