"""What a kernel is made of, as digests: of its text for the cache of machine code, of what it does for saved states."""

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tradepipe.compiling.kernel import Compiled


def stamp_of(compiled: Compiled) -> str:
    """Digest of all the text and constants that the machine code of a kernel is made of."""
    parts = [importlib.metadata.version("llvmlite")]
    for one in _reached(compiled):
        parts += [_digest_of(inspect.getfile(one.function)), *_constants(one.function)]
    return _digest(parts)


@functools.cache
def meaning_of(compiled: Compiled) -> str:
    """Digest of all that a kernel computes by: comments, docstrings, layout and the compiler do not count.

    Two kernels of one meaning take up each other's context and memory.
    """
    parts = []
    for one in _reached(compiled):
        text = _functions_in(inspect.getfile(one.function)).get(one.function.__name__)
        parts += [text or inspect.getsource(one.function), *_constants(one.function)]
    return _digest(parts)


def size_of(compiled: Compiled) -> int:
    """Bytes of interpreter code of the kernel and all that it calls: the longer, the longer compiling takes."""
    return sum(len(one.function.__code__.co_code) for one in _reached(compiled))


def _digest(parts: list[str]) -> str:
    digest = hashlib.sha256()
    for part in sorted(set(parts)):
        digest.update(part.encode())
    return digest.hexdigest()


def _reached(compiled: Compiled) -> list[Compiled]:
    """The kernel and all that it calls, and that those call."""
    found = [compiled]
    for one in found:
        called = (value for _, value in _globals_of(one.function) if isinstance(value, Compiled))
        found += [value for value in dict.fromkeys(called) if value not in found]
    return found


def _constants(function: Callable[..., Any]) -> Iterator[str]:
    for name, value in _globals_of(function):
        if not isinstance(value, Compiled | types.ModuleType) and not callable(value):
            # An array's own text leaves digits out.
            told = (value.dtype.str, value.tolist()) if isinstance(value, np.ndarray) else value
            yield f"{function.__module__}.{name}={told!r}"


def _globals_of(function: Callable[..., Any]) -> Iterator[tuple[str, object]]:
    """What the function takes from its module, by name; through a module of ours what it may take from that one."""
    names = sorted(_names_in(function.__code__))
    for name in names:
        if name not in function.__globals__:
            continue
        value = function.__globals__[name]
        yield name, value
        if isinstance(value, types.ModuleType) and value.__name__.startswith("tradepipe."):
            yield from ((inner, vars(value)[inner]) for inner in names if inner in vars(value))


def _names_in(code: types.CodeType) -> set[str]:
    inner = (_names_in(one) for one in code.co_consts if isinstance(one, types.CodeType))
    return set(code.co_names).union(*inner)


@functools.cache
def _digest_of(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@functools.cache
def _functions_in(path: str) -> Mapping[str, str]:
    """The functions of a module by name, without comments, docstrings and annotations."""
    found = {}
    for node in ast.parse(Path(path).read_bytes()).body:
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            names = ", ".join(argument.arg for argument in node.args.args)
            found[node.name] = "\n".join([f"{node.name}({names})", *map(ast.unparse, body)])
    return found
