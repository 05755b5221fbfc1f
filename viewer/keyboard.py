"""What keys are called: by what is printed on them, wherever a layout has them."""

import imgui_bundle  # noqa: F401  (first, so that GLFW is the library that it brings)

import glfw  # isort: skip

SPECIAL_KEYS = {
    glfw.KEY_LEFT: "Left",
    glfw.KEY_RIGHT: "Right",
    glfw.KEY_UP: "Up",
    glfw.KEY_DOWN: "Down",
    glfw.KEY_ENTER: "Enter",
    glfw.KEY_ESCAPE: "Escape",
    glfw.KEY_SPACE: "Space",
    glfw.KEY_TAB: "Tab",
    glfw.KEY_KP_1: "Num1",
    glfw.KEY_KP_3: "Num3",
    glfw.KEY_KP_7: "Num7",
    glfw.KEY_SLASH: "/",
    glfw.KEY_EQUAL: "=",
    glfw.KEY_MINUS: "-",
    glfw.KEY_LEFT_BRACKET: "[",
    glfw.KEY_RIGHT_BRACKET: "]",
    glfw.KEY_KP_ADD: "+",
    glfw.KEY_KP_SUBTRACT: "-",
    glfw.KEY_DELETE: "Delete",
    glfw.KEY_PAGE_UP: "PageUp",
    glfw.KEY_PAGE_DOWN: "PageDown",
    glfw.KEY_F1: "F1",
    glfw.KEY_F2: "F2",
}
KEYPAD = range(glfw.KEY_KP_0, glfw.KEY_KP_EQUAL + 1)
CHARACTERS = {  # that are keys of their own, however a layout has them typed: key and modifiers
    "?": ("/", frozenset({"shift"})),
    "[": ("[", frozenset()),
    "]": ("]", frozenset()),
}
MODIFIER_KEYS = {
    glfw.KEY_LEFT_SHIFT: "shift",
    glfw.KEY_RIGHT_SHIFT: "shift",
    glfw.KEY_LEFT_CONTROL: "control",
    glfw.KEY_RIGHT_CONTROL: "control",
    glfw.KEY_LEFT_ALT: "alt",
    glfw.KEY_RIGHT_ALT: "alt",
    glfw.KEY_LEFT_SUPER: "super",
    glfw.KEY_RIGHT_SUPER: "super",
}


def find_name(key: int, scancode: int, mods: frozenset[str]) -> str | None:
    """The name of a key on the person's layout; of one that has none there, such as a Cyrillic
    letter, that of its position."""
    position = key_name(key)
    if key in KEYPAD or (position and len(position) > 1):
        return position
    # Without Control digits count by position: some layouts type them with Shift alone.
    if position and position.isdigit() and "control" not in mods:
        return position
    typed = (glfw.get_key_name(key, scancode) or "").upper()
    known = len(typed) == 1 and typed.isascii() and (typed.isalnum() or typed in "[]/+=-")
    return typed if known else position


def key_name(key: int) -> str | None:
    """The name that scripts use for a GLFW key, that of its position on an American keyboard; None
    for keys without one."""
    if glfw.KEY_A <= key <= glfw.KEY_Z or glfw.KEY_0 <= key <= glfw.KEY_9:
        return chr(key)
    return SPECIAL_KEYS.get(key)


def key_code(name: str) -> int:
    """The GLFW key of a name. Raises ValueError for names that are not known."""
    if len(name) == 1 and name.upper().isalnum() and name.isascii():
        return ord(name.upper())
    for code, special in SPECIAL_KEYS.items():
        if special.lower() == name.lower():
            return int(code)
    raise ValueError(f"no key is called {name!r}; known are A-Z, 0-9 and {_list_special_keys()}")


def _list_special_keys() -> str:
    return ", ".join(SPECIAL_KEYS.values())


def names_of(mods: int) -> frozenset[str]:
    """The modifiers in the bits of GLFW."""
    bits = {
        "shift": glfw.MOD_SHIFT,
        "control": glfw.MOD_CONTROL,
        "alt": glfw.MOD_ALT,
        "super": glfw.MOD_SUPER,
    }
    return frozenset(name for name, bit in bits.items() if mods & bit)
