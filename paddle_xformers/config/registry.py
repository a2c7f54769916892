"""Parts of a model by name: one table for each socket, with our own parts and those that users register.

A socket is named after the field that chooses its part: `norm`, `residual`, `ff_activation` ... A configuration holds
the name, so that it can be written to `config.json`; what computes is looked up here when a model is built. The tables
live as long as the process: a name is known once the module that registers it has been imported.

A part may have settings of its own, which are the keyword-only parameters of what is registered. A field then holds
`{"name": "my_norm", "power": 3}` in place of `"my_norm"`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import ConfigError

Part = Callable[..., Any]
_P = TypeVar("_P", bound=Part)


@dataclass
class Socket:
    """The parts that one field can name.

    Args:
        built_in: Every name of our own, known before anything that computes is loaded.
        own: Our own parts, once `nn` is loaded.
        registered: Those of users.
    """

    built_in: tuple[str, ...] = ()
    own: dict[str, Part] = field(default_factory=dict)
    registered: dict[str, Part] = field(default_factory=dict)


SOCKETS: dict[str, Socket] = {}


def open_socket(socket: str, built_in: tuple[str, ...]) -> None:
    """Declare a socket; `option(..., socket=...)` does it.

    Args:
        socket: Its name.
        built_in: The names of our own parts.
    """
    SOCKETS[socket] = Socket(built_in)


def provide(socket: str, parts: Mapping[str, Part]) -> None:
    """Put our own parts into a socket.

    Args:
        socket: Its name.
        parts: What computes, by name.
    """
    SOCKETS[socket].own.update(parts)


def register_part(socket: str, name: str, *, override: bool = False) -> Callable[[_P], _P]:
    """Give a part of your own a name that configurations can hold.

    For example `@register_part("norm", "my_norm")` above a class; then `XDecoderConfig(norm="my_norm")`. Which sockets
    there are, and what a part gets and gives at each, is on the page docs/extending.md.

    Args:
        socket: The field that chooses the part, such as `norm`.
        name: The name.
        override: Replace another part that was registered by this name, as a notebook does that runs a cell again.

    Returns:
        A decorator that registers what it is put on, and gives it back as it is.

    Raises:
        ConfigError: If there is no such socket, the name is one of ours, or another part has it.
    """
    if socket not in SOCKETS:
        raise ConfigError(f"there are no parts called {socket!r} to register; there are {_quoted(sorted(SOCKETS))}")
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(f"{name!r} cannot name a part; use a word of letters, digits and underscores")
    if name in SOCKETS[socket].built_in:
        raise ConfigError(f"{socket}={name!r} is a part of this package, which stays what it is; use another name")

    def register(part: _P) -> _P:
        known = SOCKETS[socket].registered
        if known.get(name, part) is not part and not override:
            raise ConfigError(
                f"{socket}={name!r} is registered already, for {_called(known[name])}; use another name for "
                f"{_called(part)}, or override=True to replace it"
            )
        _check_settings(socket, name, part)
        known[name] = part
        return part

    return register


def unregister_part(socket: str, name: str) -> None:
    """Forget a registered part; a name that is not registered is no error.

    Args:
        socket: The field that chooses the part.
        name: The name.
    """
    SOCKETS[socket].registered.pop(name, None)


def find_part(socket: str, value: Any) -> tuple[Part, dict[str, Any]]:
    """Return the part that a field's value names, and the settings it is to be called with.

    Args:
        socket: The field.
        value: A name, or a mapping with the name and settings; validated.
    """
    name, settings = _name_and_settings(value)
    known = SOCKETS[socket]
    return known.own[name] if name in known.own else known.registered[name], settings


def make_part(socket: str, value: Any, *args: Any) -> Any:
    """Build the part that a field's value names.

    Args:
        socket: The field.
        value: A name, or a mapping with the name and settings; validated.
        *args: What parts of this socket are built from.
    """
    part, settings = find_part(socket, value)
    return part(*args, **settings)


def make_function(socket: str, value: Any, *args: Any) -> Part:
    """Return the function that a field's value names: itself, or a layer of the class that stands there.

    Args:
        socket: The field.
        value: A name, or a mapping with the name and settings; validated.
        *args: What layers of this socket are built from.
    """
    part, settings = find_part(socket, value)
    if isinstance(part, type):
        layer: Part = part(*args, **settings)
        return layer
    return functools.partial(part, **settings) if settings else part


def part_problem(socket: str, value: Any) -> str | None:
    """Say why a field's value names no part, or None if it does.

    Args:
        socket: The field.
        value: A name, or a mapping with the name and settings.
    """
    known = SOCKETS[socket]
    if callable(value):
        return f"is no name: write @register_part({socket!r}, NAME) above it, and give NAME"
    if not isinstance(value, (str, Mapping)):
        return f"is a {type(value).__name__}"
    name, settings = _name_and_settings(value)
    if name in known.built_in:
        return "gives settings to a part that has none; give its name alone" if isinstance(value, Mapping) else None
    if name not in known.registered:
        so_far = _quoted(known.registered) if known.registered else "nothing"
        return (
            f"is not a known name (registered is {so_far}; import the module that calls register_part({socket!r}, ...) "
            "first)"
        )
    return _settings_problem(settings, settings_of(known.registered[name]))


def settings_of(part: Part) -> dict[str, Any]:
    """Return the settings of a part with their defaults: its keyword-only parameters.

    Args:
        part: What is registered.
    """
    try:
        parameters = inspect.signature(part).parameters.values()
    except ValueError:  # what is written in C may not tell
        return {}
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def _name_and_settings(value: Any) -> tuple[Any, dict[str, Any]]:
    if isinstance(value, str):
        return value, {}
    settings = dict(value)
    return settings.pop("name", None), settings


def _settings_problem(given: Mapping[str, Any], known: Mapping[str, Any]) -> str | None:
    for name, value in given.items():
        if name not in known:
            return f"has a setting {name!r}, but its settings are {_quoted(known) if known else 'none'}"
        if not _is_like(value, known[name]):
            return f"has a setting {name!r} that is a {type(value).__name__}, not like its default {known[name]!r}"
    missing = [name for name, default in known.items() if default is inspect.Parameter.empty and name not in given]
    return f"lacks the setting {missing[0]!r}, which has no default" if missing else None


def _is_like(value: Any, default: Any) -> bool:
    """Whether a setting has the type of its default; a whole number may stand for a fraction."""
    if default is None or default is inspect.Parameter.empty:
        return value is None or isinstance(value, (bool, int, float, str))
    if isinstance(default, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is type(default)


def _check_settings(socket: str, name: str, part: Part) -> None:
    """Refuse settings that config.json cannot hold."""
    for setting, default in settings_of(part).items():
        empty = default is inspect.Parameter.empty
        if setting == "name" or not (empty or default is None or isinstance(default, (bool, int, float, str))):
            raise ConfigError(
                f"{socket}={name!r} has a setting {setting}={default!r}, which config.json cannot hold; a setting is a "
                "number, a string, a boolean or None, and not called 'name'"
            )


def _called(part: Part) -> str:
    return getattr(part, "__qualname__", repr(part))


def _quoted(names: Any) -> str:
    return ", ".join(map(repr, names))
