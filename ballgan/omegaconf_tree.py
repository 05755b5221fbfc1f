"""Configuration containers of omegaconf, as inert data, and what they hold.

StyleNeRF's training program stores its options in them. A container's state is {_metadata,
_parent, _content}, a scalar's {_metadata, _parent, _val}; a scalar may refer to another one by a
dotted path from the topmost parent, as in "${spec.map}".
"""

import re
from typing import Any

from .pickle_reader import Budget, KnownName, PickleReader, Record, fail

MAX_DEPTH = 32
MISSING = object()
REFERENCE = re.compile(r"\$\{([\w.]{1,200})\}")


class ConfigNode(Record):
    """A container or scalar of omegaconf, created empty and then given its state."""

    def set_state(self, state: Any) -> None:
        """Take the state; a second one, or anything but a dict, is refused."""
        if self.state or type(state) is not dict:
            fail(f"the state of a {self.class_name} is not one dictionary")
        self.state = state


def to_plain_options(value: Any) -> Any:
    """Plain dicts, lists and scalars of options from a file, references resolved.

    Entries that refer to what is not there are left out. Raises CheckpointError for options that
    are nested without end, or far more than a model has.
    """
    plain = _plain(value, MAX_DEPTH, Budget(steps=20_000))
    return None if plain is MISSING else plain


def _plain(value: Any, depth: int, budget: Budget) -> Any:
    budget.spend_step()
    if depth == 0:
        fail("its options are nested too deeply")
    if isinstance(value, ConfigNode):
        content = value.state.get("_content", value.state.get("_val"))
        if type(content) is str and (match := REFERENCE.fullmatch(content)):
            found = _find(value, match[1])
            return MISSING if found is MISSING else _plain(found, depth - 1, budget)
        return _plain(content, depth - 1, budget)
    if type(value) is dict:
        items = {key: _plain(item, depth - 1, budget) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not MISSING}
    if type(value) in (list, tuple):
        listed = [_plain(item, depth - 1, budget) for item in value]
        return [item for item in listed if item is not MISSING]
    return value


def _find(node: ConfigNode, path: str) -> Any:
    """What a dotted path from the topmost parent of `node` leads to, or MISSING."""
    place: Any = node
    for _ in range(MAX_DEPTH):
        parent = place.state.get("_parent")
        if not isinstance(parent, ConfigNode):
            break
        place = parent
    for key in path.split("."):
        content = place.state.get("_content") if isinstance(place, ConfigNode) else place
        if type(content) is not dict or key not in content:
            return MISSING
        place = content[key]
    return place


def _create_defaultdict(_: PickleReader, arguments: tuple[Any, ...]) -> dict[str, Any]:
    if len(arguments) > 1 or not all(isinstance(a, KnownName) for a in arguments):
        fail("it is damaged: a dictionary is not created as omegaconf does it")
    return {}


def _config_class(name: str) -> KnownName:
    return KnownName(name, create=lambda: ConfigNode(name))


_SCALARS = ("AnyNode", "StringNode", "IntegerNode", "FloatNode", "BooleanNode", "PathNode")

# Types are named in the metadata only; nothing is made of them.
OMEGACONF_NAMES = {
    ("omegaconf.dictconfig", "DictConfig"): _config_class("DictConfig"),
    ("omegaconf.listconfig", "ListConfig"): _config_class("ListConfig"),
    ("omegaconf.base", "ContainerMetadata"): _config_class("ContainerMetadata"),
    ("omegaconf.base", "Metadata"): _config_class("Metadata"),
    **{("omegaconf.nodes", name): _config_class(name) for name in _SCALARS},
    ("collections", "defaultdict"): KnownName("defaultdict", call=_create_defaultdict),
    ("typing", "Any"): KnownName("Any"),
    **{
        (module, name): KnownName(name)
        for module in ("builtins", "__builtin__")
        for name in ("dict", "list", "tuple", "int", "float", "str", "bool")
    },
}
