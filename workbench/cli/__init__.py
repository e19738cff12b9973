"""The command line, `workbench COMMAND`. Thin: each command calls what Python offers."""

from __future__ import annotations

__all__ = ["app", "main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line with `arguments` (default: the process's own) and leave with its exit code.

    0 done; 1 bad data, a failed run or a failed required check; 2 an unknown or ill-typed argument, parameter,
    notebook, pack or period; 3 a closed gate. What is wrong is said in one message on standard error.
    """
    from workbench.cli.program import start

    start(arguments)


def __getattr__(name: str) -> object:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from workbench.cli.program import app

    return app
