"""The few pictograms of Font Awesome 6 (in imgui-bundle) that the window uses, by name."""

CAMERA = "\uf030"
CHEVRON_DOWN = "\uf078"
CHEVRON_LEFT = "\uf053"
CHEVRON_RIGHT = "\uf054"
CLOSE = "\uf00d"
CUBE = "\uf1b2"
DICE = "\uf522"
ERROR = "\uf06a"
EYE = "\uf06e"
EYE_OFF = "\uf070"
FOLDER = "\uf07c"
HISTORY = "\uf1da"
INFO = "\uf05a"
PICTURE = "\uf03e"
RESET = "\uf2ea"

FIRST, LAST = 0xE000, 0xF8FF  # the private use area they lie in
