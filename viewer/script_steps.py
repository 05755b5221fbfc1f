"""What a script's steps are, in words: for `--help`. Light: nothing here imports a window."""

STEPS_HELP = """\
A script is a JSON list of steps, each an object with one of these keys and its
options:

  [{"drag": {"from": [400, 300], "to": [500, 300],
             "button": "left", "steps": 8, "mods": ["shift"]}},
   {"drag": {"widget": "foreground.pad", "by": [30, 0]}},
   {"drag": {"widget": "gallery.current", "onto": "gallery.favourite.0"}},
   {"wheel": 2, "at": [400, 300], "mods": []},  or [dx, dy], as a trackpad scrolls
   {"double_click": [400, 300]},
   {"hold": ["W"], "seconds": 0.5},             keys that are held for a while
   {"key": "S", "mods": ["control"]},
   {"click": "export", "button": "left"},
   {"command": "background.toggle"},            as the table of commands calls them
   {"set": ["foreground.seed", 7]},             typed into a field
   {"drop": "photo.jpg"},
   {"wait": "converged", "timeout": 60},        or one of those below
   {"wait": 1.5},                               seconds in which nothing is drawn
   {"size": [1000, 700]},
   {"screenshot": "window.png"}]

Positions and sizes are in logical pixels. Widgets are found by the names they
are drawn with (a wrong name lists them all, and so does a wrong command); the
section and the fold that hold them are opened. One waits for "converged" (the
picture is finished), "loaded", "shown" (a first picture of a model),
"exported", "captured", "saved", "pictured" (thumbnails and the unrolled
background) or "idle" (all of it). The next step begins when the camera has
come to where it glides.
"""
