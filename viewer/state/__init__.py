"""What the window shows, as frozen values, and the one function that changes them.

Panels and controls read a `ViewerState` and answer with actions; `apply(state, action)` gives the
next state. `values` has the values; the reducers stand by topic in the other files.
"""

from . import camera as camera
from . import edit as edit
from . import files as files
from . import film as film
from . import jobs as jobs
from . import latents as latents
from . import models as models
from . import notices as notices
from . import output as output
from . import overlays as overlays
from . import presets as presets
from . import scene as scene
from . import sessions as sessions
from .reduce import apply as apply
from .values import BUNDLED as BUNDLED
from .values import CAPTURE_PASSES as CAPTURE_PASSES
from .values import CAPTURE_SIZES as CAPTURE_SIZES
from .values import FILM_FORMATS as FILM_FORMATS
from .values import FILM_SIZES as FILM_SIZES
from .values import LARGEST_FILM as LARGEST_FILM
from .values import LARGEST_SIDE as LARGEST_SIDE
from .values import MESH_FORMATS as MESH_FORMATS
from .values import CaptureOptions as CaptureOptions
from .values import CodeSpace as CodeSpace
from .values import ExportOptions as ExportOptions
from .values import Following as Following
from .values import Glide as Glide
from .values import Job as Job
from .values import ModelInfo as ModelInfo
from .values import Navigation as Navigation
from .values import Notice as Notice
from .values import Palette as Palette
from .values import Playhead as Playhead
from .values import Sheet as Sheet
from .values import ViewerState as ViewerState
