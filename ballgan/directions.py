"""Semantic directions in W that are found without labels.

SeFa (Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2021) takes the
directions along which the styles of the layers change most, GANSpace (Härkönen et al., 2020) the
principal components of W itself. Both give an orthonormal basis, the most important one first.
"""

import torch
from torch import Tensor

SAMPLES = 8192  # of W, which means and deviations are taken from
SAMPLES_SEED = 0


def factorize(weights: Tensor) -> Tensor:
    """Directions n (D, D) in rows that maximise |A n| one after the other, for A (C, D).

    The eigenvectors of A^T A by falling eigenvalue (SeFa's closed form, where A are the weights
    that turn a code into styles). Each points to where its largest component is positive.
    """
    return _eigenvectors(weights.double().T @ weights.double()).to(weights.dtype)


def find_components(w: Tensor) -> Tensor:
    """Principal components (D, D) of codes w (N, D), in rows (GANSpace sec. 2.1)."""
    centred = (w - w.mean(dim=0)).double()
    return _eigenvectors(centred.T @ centred).to(w.dtype)


def scale_to_deviation(directions: Tensor, w: Tensor) -> Tensor:
    """Directions (K, D) with the length of the standard deviation of codes w (N, D) along each."""
    deviations = ((w - w.mean(dim=0)) @ directions.T).std(dim=0)  # (K,)
    return directions * deviations[:, None]


def _eigenvectors(symmetric: Tensor) -> Tensor:
    """Unit eigenvectors in rows by falling eigenvalue, with signs that do not depend on chance."""
    vectors = torch.linalg.eigh(symmetric.cpu()).eigenvectors.flip(1).T  # (D, D)
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return (vectors * largest.sign()).to(symmetric.device)
