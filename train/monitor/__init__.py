"""`ballgan-train monitor`: a live window on the folder of a training run."""

from .command import add_arguments as add_arguments
from .command import run as run
