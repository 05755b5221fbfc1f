"""A small, bounded interpreter of the pickle format that builds inert data and nothing else.

Python's own unpickler imports what a file names and calls it. This one looks every name up in a
table given by the caller and refuses all others, never imports anything, does not recurse, checks
every length against the bytes that are there, and spends a fixed budget of steps, so whatever the
file says, reading it ends soon and allocates little more than the file's own size. Byte strings
become memoryviews of the file: a part that nobody uses is never copied.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from .errors import CheckpointError

PROTOCOLS = range(2, 6)
PROTO = 0x80
STOP = ord(".")
END = -1  # in the place of an operation: the file has no more
MAX_OPEN_MARKS = 1000  # containers under construction inside each other
MAX_NAME_LENGTH = 200
MAX_INT_BYTES = 32
MAX_INT_KEY = 2**31  # dict keys; larger ones can be chosen to collide in the hash table


def fail(message: str) -> NoReturn:
    """Raise CheckpointError with `message`."""
    raise CheckpointError(message)


def quote(value: object, limit: int = 80) -> str:
    """Value from a file, made safe to print: ASCII, on one line, not much longer than `limit`.

    Text and numbers, alone or in a list, are shown; of anything else only the type, because the
    repr of a nested value recurses.
    """
    if isinstance(value, (list, tuple)) and limit > 0:
        return "[" + ", ".join(quote(item, limit // 4) for item in value[:8]) + "]"
    if isinstance(value, (str, bytes)):
        value = value[: limit + 1]
    elif not isinstance(value, (int, float, type(None))):
        return f"a {type(value).__name__}"
    text = ascii(value)
    return text if len(text) <= limit else text[:limit] + "..."


@dataclass
class Budget:
    """What reading one file may still spend, nested pickles included."""

    steps: int = 300_000  # a published file with G, D and G_ema needs about 100 000
    text: int = 16 * 2**20  # bytes of decoded text; a published file holds less than 1 million

    def spend_step(self) -> None:
        """Count one operation."""
        self.steps -= 1
        if self.steps < 0:
            fail("it holds far more objects than a model does")

    def spend_text(self, amount: int) -> None:
        """Count `amount` bytes of text."""
        self.text -= amount
        if self.text < 0:
            fail("it holds far more text than a model does")


def copy_plain(value: Any, what: str, *, depth: int = 16, budget: Budget | None = None) -> Any:
    """Copy of JSON-able data from a file: lists for lists and tuples, dicts with text keys.

    Raises CheckpointError, calling the data `what`, if it holds anything else, is nested deeper
    than `depth` (or contains itself), or is far larger than any model's settings.
    """
    budget = budget or Budget(steps=20_000, text=2**20)
    budget.spend_step()
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str:
        budget.spend_text(len(value))
        return value
    if depth == 0:
        fail(f"{what} is nested too deeply")
    if type(value) in (list, tuple):
        return [copy_plain(item, what, depth=depth - 1, budget=budget) for item in value]
    if type(value) is not dict:
        fail(f"{what} holds a {type(value).__name__}")
    copied = {}
    for key, item in value.items():
        if type(key) is not str:
            fail(f"{what} has a key that is no text")
        budget.spend_text(len(key))
        copied[key] = copy_plain(item, what, depth=depth - 1, budget=budget)
    return copied


@dataclass(frozen=True, eq=False)
class KnownName:
    """What one global name in a file means. The object so named is never imported."""

    name: str
    call: "Callable[[PickleReader, tuple[Any, ...]], Any] | None" = None  # name(*arguments)
    create: Callable[[], Any] | None = None  # an empty object, to be filled by `set_state`


Names = Mapping[tuple[str, str], KnownName]  # (module, name) as written in the file


@dataclass(eq=False, repr=False)
class Record:
    """An object of the file as plain data: its class's name and its attributes."""

    class_name: str
    state: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.class_name})"


class PersistentObject(Record):
    """An object that official files store together with the source of its class."""


class PlainModule(Record):
    """An ordinary torch module, created empty and then given its attributes."""

    def set_state(self, state: Any) -> None:
        """Take the attribute dict; a second one, or anything but a dict, is refused."""
        if self.state or type(state) is not dict:
            fail(f"the attributes of a {self.class_name} are not one dictionary")
        self.state = state


class PickleReader:
    """Reads pickles that lie one after the other in `data`, beginning at `position`.

    names: the global names that may occur. load_persistent: turns a persistent id into an object
    (None: such ids are refused). Every problem raises CheckpointError.
    """

    def __init__(
        self,
        data: memoryview,
        names: Names,
        *,
        budget: Budget,
        load_persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        self.data = data
        self.names = names
        self.budget = budget
        self.load_persistent = load_persistent
        self.position = 0
        self.memo: dict[int, Any] = {}
        self.stack: list[Any] = []
        self.marks: list[int] = []

    def read(self) -> Any:
        """Interpret one pickle and return its value; `position` is then behind it."""
        self.memo, self.stack, self.marks = {}, [], []
        if self._take_int(1) != PROTO or self._take_int(1) not in PROTOCOLS:
            fail("it is not a pickle of protocol 2 to 5")
        data, operations, budget = self.data, self._OPERATIONS, self.budget
        while (opcode := data[self.position] if self.position < len(data) else END) != STOP:
            self.position += 1
            budget.spend_step()
            if opcode not in operations:
                self._refuse_operation(opcode)
            operation, argument = operations[opcode]
            operation(self, argument)
        self.position += 1
        value = self._pop()
        if self.stack or self.marks:
            fail("its pickle ends in the middle of an object")
        return value

    def read_last(self) -> Any:
        """Like `read`; nothing may follow the pickle."""
        value = self.read()
        if self.position != len(self.data):
            fail("it is damaged: something follows its pickle")
        return value

    def _refuse_operation(self, opcode: int) -> NoReturn:
        if opcode == END:
            fail("it is truncated: its pickle has no end")
        fail(f"it holds the pickle operation {opcode:#04x}, which no model file needs")

    def _take(self, length: int) -> memoryview:
        end = self.position + length
        if end > len(self.data):
            fail("it is truncated or damaged: a part is longer than what is left of the file")
        part = self.data[self.position : end]
        self.position = end
        return part

    def _take_int(self, length: int, signed: bool = False) -> int:
        return int.from_bytes(self._take(length), "little", signed=signed)

    def _take_text(self, length: int) -> str:
        self.budget.spend_text(length)
        try:
            return str(self._take(length), "utf-8")
        except UnicodeDecodeError:
            fail("it is damaged: a text is not UTF-8")

    def _take_line(self) -> str:
        window = bytes(self.data[self.position : self.position + MAX_NAME_LENGTH])
        length = window.find(b"\n")
        if length < 0:
            fail("it is damaged: a name has no end")
        line = self._take_text(length)
        self.position += 1
        return line

    def _pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            fail("it is damaged: its pickle takes an object that is not there")
        return self.stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        if not self.marks:
            fail("it is damaged: its pickle closes a container that was never opened")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _top(self, kind: type) -> Any:
        value = self._pop()
        self.stack.append(value)
        if type(value) is not kind:
            fail(f"it is damaged: its pickle fills a {type(value).__name__} as a {kind.__name__}")
        return value

    def _do_proto(self, _: None) -> None:
        fail("it is damaged: its pickle has a second header")

    def _do_frame(self, _: None) -> None:
        if self._take_int(8) > len(self.data) - self.position:
            fail("it is truncated: a frame of its pickle is longer than what is left of the file")

    def _do_constant(self, value: object) -> None:
        self.stack.append(value)

    def _do_unsigned(self, size: int) -> None:
        self.stack.append(self._take_int(size))

    def _do_signed(self, size: int) -> None:
        self.stack.append(self._take_int(size, signed=True))

    def _do_long(self, length_size: int) -> None:
        length = self._take_int(length_size)
        if length > MAX_INT_BYTES:
            fail("it holds a whole number that is too large")
        self.stack.append(self._take_int(length, signed=True))

    def _do_float(self, _: None) -> None:
        self.stack.append(struct.unpack(">d", self._take(8))[0])

    def _do_text(self, length_size: int) -> None:
        self.stack.append(self._take_text(self._take_int(length_size)))

    def _do_bytes(self, length_size: int) -> None:
        self.stack.append(self._take(self._take_int(length_size)))

    def _do_mark(self, _: None) -> None:
        if len(self.marks) >= MAX_OPEN_MARKS:
            fail("its objects are nested too deeply")
        self.marks.append(len(self.stack))

    def _do_pop(self, _: None) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self._pop()

    def _do_pop_mark(self, _: None) -> None:
        self._pop_to_mark()

    def _do_duplicate(self, _: None) -> None:
        value = self._pop()
        self.stack += [value, value]

    def _do_empty(self, kind: type) -> None:
        self.stack.append(kind())

    def _do_tuple(self, count: int | None) -> None:
        if count is None:
            items = self._pop_to_mark()
        else:
            start = len(self.stack) - count
            if start < (self.marks[-1] if self.marks else 0):
                fail("it is damaged: its pickle takes an object that is not there")
            items = self.stack[start:]
            del self.stack[start:]
        self.stack.append(tuple(items))

    def _do_list(self, _: None) -> None:
        self.stack.append(self._pop_to_mark())

    def _do_append(self, _: None) -> None:
        value = self._pop()
        self._top(list).append(value)

    def _do_appends(self, _: None) -> None:
        items = self._pop_to_mark()
        self._top(list).extend(items)

    def _do_dict(self, _: None) -> None:
        items = self._pop_to_mark()
        self.stack.append({})
        self._set_items(items)

    def _do_set_item(self, _: None) -> None:
        value, key = self._pop(), self._pop()
        self._set_items([key, value])

    def _do_set_items(self, _: None) -> None:
        self._set_items(self._pop_to_mark())

    def _set_items(self, items: list[Any]) -> None:
        target = self._top(dict)
        if len(items) % 2:
            fail("it is damaged: a dictionary has a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_check_key(key)] = value

    def _do_add_items(self, _: None) -> None:
        items = self._pop_to_mark()
        self._top(set).update(map(_check_key, items))

    def _do_frozenset(self, _: None) -> None:
        self.stack.append(frozenset(map(_check_key, self._pop_to_mark())))

    def _do_get(self, size: int) -> None:
        index = self._take_int(size)
        if index not in self.memo:
            fail("it is damaged: its pickle refers to an object that is not there")
        self.stack.append(self.memo[index])

    def _do_put(self, size: int) -> None:
        self.memo[self._take_int(size)] = self.stack[-1] if self.stack else fail("it is damaged")

    def _do_memoize(self, _: None) -> None:
        self.memo[len(self.memo)] = self.stack[-1] if self.stack else fail("it is damaged")

    def _do_global(self, _: None) -> None:
        module = self._take_line()
        self._push_name(module, self._take_line())

    def _do_stack_global(self, _: None) -> None:
        name, module = self._pop(), self._pop()
        self._push_name(module, name)

    def _push_name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            fail("it is damaged: a name is not text")
        if (module, name) not in self.names:
            fail(f"it asks for {quote(module + '.' + name)}, which no model that we read needs")
        self.stack.append(self.names[module, name])

    def _do_reduce(self, _: None) -> None:
        arguments, function = self._pop(), self._pop()
        if type(function) is not KnownName or function.call is None or type(arguments) is not tuple:
            fail(f"it calls {_describe(function)}, which no model that we read needs")
        self.stack.append(function.call(self, arguments))

    def _do_new_object(self, _: None) -> None:
        arguments, kind = self._pop(), self._pop()
        if type(kind) is not KnownName or kind.create is None:
            fail(f"it creates {_describe(kind)}, which no model that we read needs")
        if type(arguments) is not tuple or arguments:
            fail(f"it creates {_describe(kind)} with arguments")
        self.stack.append(kind.create())

    def _do_build(self, _: None) -> None:
        state, target = self._pop(), self._pop()
        self.stack.append(target)
        if type(target) is dict and type(state) is dict:
            return  # attributes of an OrderedDict, such as the _metadata of a state dict
        if not hasattr(target, "set_state"):
            fail(f"it sets attributes of {_describe(target)}")
        target.set_state(state)

    def _do_persistent_id(self, _: None) -> None:
        if self.load_persistent is None:
            fail("it refers to data outside of its pickle")
        self.stack.append(self.load_persistent(self._pop()))

    _OPERATIONS: ClassVar[dict[int, tuple[Callable[[Any, Any], None], Any]]] = {
        0x80: (_do_proto, None),
        0x95: (_do_frame, None),
        ord("N"): (_do_constant, None),
        0x88: (_do_constant, True),
        0x89: (_do_constant, False),
        ord("K"): (_do_unsigned, 1),
        ord("M"): (_do_unsigned, 2),
        ord("J"): (_do_signed, 4),
        0x8A: (_do_long, 1),
        0x8B: (_do_long, 4),
        ord("G"): (_do_float, None),
        0x8C: (_do_text, 1),
        ord("X"): (_do_text, 4),
        0x8D: (_do_text, 8),
        ord("C"): (_do_bytes, 1),
        ord("B"): (_do_bytes, 4),
        0x8E: (_do_bytes, 8),
        0x96: (_do_bytes, 8),
        ord("("): (_do_mark, None),
        ord("0"): (_do_pop, None),
        ord("1"): (_do_pop_mark, None),
        ord("2"): (_do_duplicate, None),
        ord(")"): (_do_constant, ()),
        0x85: (_do_tuple, 1),
        0x86: (_do_tuple, 2),
        0x87: (_do_tuple, 3),
        ord("t"): (_do_tuple, None),
        ord("]"): (_do_empty, list),
        ord("l"): (_do_list, None),
        ord("a"): (_do_append, None),
        ord("e"): (_do_appends, None),
        ord("}"): (_do_empty, dict),
        ord("d"): (_do_dict, None),
        ord("s"): (_do_set_item, None),
        ord("u"): (_do_set_items, None),
        0x8F: (_do_empty, set),
        0x90: (_do_add_items, None),
        0x91: (_do_frozenset, None),
        ord("h"): (_do_get, 1),
        ord("j"): (_do_get, 4),
        ord("q"): (_do_put, 1),
        ord("r"): (_do_put, 4),
        0x94: (_do_memoize, None),
        ord("c"): (_do_global, None),
        0x93: (_do_stack_global, None),
        ord("R"): (_do_reduce, None),
        0x81: (_do_new_object, None),
        ord("b"): (_do_build, None),
        ord("Q"): (_do_persistent_id, None),
    }


def _check_key(key: Any) -> str | int:
    """`key` if it may be a dict key or set item: hashing nested tuples would recurse in C."""
    if type(key) is str or (type(key) is int and 0 <= key < MAX_INT_KEY):
        return key
    fail(f"it has a dictionary key of type {type(key).__name__}")


def _describe(value: object) -> str:
    return value.name if isinstance(value, KnownName) else f"a {type(value).__name__}"
