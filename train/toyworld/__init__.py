"""A procedural world with ground truth: nothing to download to train, test and measure."""

from .dataset import decode_background_depth as decode_background_depth
from .dataset import decode_depth as decode_depth
from .dataset import truth_path as truth_path
from .dataset import write_dataset as write_dataset
from .world import DOMAINS as DOMAINS
from .world import ToyBatch as ToyBatch
from .world import ToyWorld as ToyWorld
