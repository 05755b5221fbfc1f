"""Features of the standard FID Inception, from a local file: nothing is downloaded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

WANTED = (
    "the FID Inception network as a TorchScript file: it takes uint8 pictures (N, 3, H, W) and "
    "gives features (N, 2048), with return_features=True if it has that option"
)


class Inception:
    """A feature network in TorchScript.

    Only use a file that you trust: TorchScript is a program.

    Raises ValueError if the file is missing, is something else, or cannot look at pictures.
    """

    def __init__(self, path: str | Path, device: torch.device | str = "cpu") -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ValueError(f"{path} does not exist; --inception needs {WANTED}.")
        try:
            with warnings.catch_warnings():
                # The file comes in this form, whatever torch recommends today.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._network: Any = torch.jit.load(str(path), map_location=device).eval()
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"{path} is no TorchScript file (weights alone are not enough); --inception needs "
                f"{WANTED}."
            ) from error
        self._device = torch.device(device)
        self._options = self._find_options()

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features (N, F) float32 on the CPU of pictures (N, 3, H, W) in [0, 1]."""
        pixels = (pictures.to(self._device) * 255).round().clamp(0, 255).to(torch.uint8)
        with torch.no_grad():
            features = self._network(pixels, **self._options)
        return features.flatten(1).float().cpu()

    def _find_options(self) -> dict[str, bool]:
        """What the network must be called with to give features."""
        probe = torch.zeros(2, 3, 64, 64, dtype=torch.uint8, device=self._device)
        faults = []
        for options in ({"return_features": True}, {}):
            try:
                with torch.no_grad():
                    features = self._network(probe, **options)
            except RuntimeError as error:
                faults.append(str(error).strip().splitlines()[-1])
                continue
            if isinstance(features, Tensor) and len(features) == 2:
                return options
            faults.append(f"it gave {type(features).__name__}, not one tensor of features")
        raise ValueError(
            f"{self.path} cannot look at pictures ({faults[-1]}); --inception needs {WANTED}."
        )
