"""Which errors an operation can raise: read from the source of the library."""

import ast
from collections.abc import Iterator
from functools import cache
import inspect
from types import ModuleType

from custom_components.bambu_printer import file_services, local_files, services
from custom_components.bambu_printer.printer import (
    errors,
    mapping,
    print_plan,
    printer,
    skipping,
)
from custom_components.bambu_printer.printer.operations import (
    air,
    ams,
    base,
    care,
    drying,
    heat,
    job,
    lights,
    printing,
    spools,
    tools,
    watching,
)

_MODULES = (
    *(printer, base, job, heat, air, lights, tools, ams, spools, drying, watching),
    *(care, printing, mapping, print_plan, skipping),
    *(services, file_services, local_files),
)
_CODES = {
    name: value.code
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.BambuError)
}
_OF_THE_SESSION = {
    "_command": (
        "not_connected",
        "command_rejected",
        "not_authorized",
        "command_timeout",
    ),
    "_send": ("not_connected",),
    "_ask": ("not_connected",),
}
_OF_THE_FILE_SERVER = (
    "cannot_connect",
    "unreachable",
    "refused",
    "timed_out",
    "invalid_auth",
    "invalid_path",
    "file_missing",
    "storage_denied",
    "storage_failed",
    "transfer_broken",
)
_OF_A_PROJECT = (
    *_OF_THE_FILE_SERVER,
    "bad_project",
    "project_incomplete",
    "project_too_large",
)
_OF_FILES = {
    **{
        f"{name}_sdcard_{what}": _OF_THE_FILE_SERVER
        for name, what in (
            ("download", "file"),
            ("rename", "file"),
            ("delete", "file"),
            ("delete", "folder"),
        )
    },
    "get_sdcard_contents": _OF_THE_FILE_SERVER,
    "make_sdcard_directory": (*_OF_THE_FILE_SERVER, "storage_full"),
    "upload_sdcard_file": (*_OF_THE_FILE_SERVER, "storage_full"),
    "get_project_info": _OF_A_PROJECT,
    "plan_print": _OF_A_PROJECT,
    "print_3mf_file": (
        "storage_full",
        "model_mismatch",
        "nozzle_mismatch",
        "filament_missing",
        "material_mismatch",
    ),
}
"""What comes from where the source does not lead: objects of their own."""


def _functions(
    module: ModuleType,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@cache
def _known() -> dict[str, list[tuple[ModuleType, ast.AST]]]:
    found: dict[str, list[tuple[ModuleType, ast.AST]]] = {}
    for module in _MODULES:
        for function in _functions(module):
            found.setdefault(function.name, []).append((module, function))
    return found


def codes_of(*names: str) -> list[str]:
    """Return the codes of what functions raise, and those that they call."""
    seen: set[str] = set()
    codes: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        codes.update(_OF_FILES.get(name, ()))
        if name in _OF_THE_SESSION:
            codes.update(_OF_THE_SESSION[name])
            continue
        for module, function in _known().get(name, ()):
            for node in ast.walk(function):
                if isinstance(node, ast.Raise):
                    codes.update(_raised(node, module))
                elif isinstance(node, ast.Call):
                    waiting.extend(_called(node))
    return [code for code in _CODES.values() if code in codes] + sorted(
        codes - set(_CODES.values())
    )


def _raised(node: ast.Raise, module: ModuleType) -> Iterator[str]:
    if not isinstance(node.exc, ast.Call):
        return
    match node.exc.func:
        case ast.Name(id=name) if name in _CODES:
            yield _CODES[name]
        case ast.Subscript(value=ast.Name(id=name)):
            # One of several, chosen from a table.
            yield from (kind.code for kind in getattr(module, name).values())
    for keyword in node.exc.keywords:
        # Home Assistant's own exceptions carry their texts' keys.
        if keyword.arg == "translation_key" and isinstance(keyword.value, ast.Constant):
            yield str(keyword.value.value)


def _called(node: ast.Call) -> Iterator[str]:
    """Tell which of our own functions a call is meant for."""
    match node.func:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            yield name
        case ast.Name(id=name) if name not in ("handle", "run"):
            yield name
        case _:
            return
