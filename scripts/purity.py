"""Lint: `protocol` and every `core` take values and return values, and touch nothing else.

import-linter keeps modules out that only do I/O; this check finds what a module in good standing can still do:
read a clock, the environment or a file, print, await, log above debug. Who needs the time takes `now`,
who needs bytes takes bytes, who wants something done returns a decision and leaves the deed to the shell.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from python_names import dotted, imported_names

ROOT = Path(__file__).resolve().parent.parent

CLOCK = "reads a clock; take `now` (or a monotonic time in seconds) as a parameter"
ENVIRONMENT = "reads the process's surroundings; take the value as a parameter"
FILES = "touches files; take and return bytes"
TERMINAL = "talks to a terminal; return what is to be said"
PROCESS = "acts on the process; return a decision"

CALLS = {
    **dict.fromkeys(
        [
            *(f"time.{name}{suffix}" for name in ("time", "monotonic", "perf_counter") for suffix in ("", "_ns")),
            "time.process_time", "time.thread_time", "time.gmtime", "time.localtime", "time.sleep",
            "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
        ],
        CLOCK,
    ),
    **dict.fromkeys(["os.getenv", "os.getpid", "os.uname", "platform.node", "socket.gethostname"], ENVIRONMENT),
    **dict.fromkeys(
        [
            "open", "io.open", "os.open", "os.listdir", "os.stat", "os.remove", "os.replace",
            "cv2.imread", "cv2.imwrite", "cv2.VideoCapture", "cv2.VideoWriter",
            "numpy.load", "numpy.save", "numpy.savez", "numpy.fromfile", "numpy.loadtxt", "numpy.memmap",
        ],
        FILES,
    ),
    **dict.fromkeys(["print", "input"], TERMINAL),
    **dict.fromkeys(["sys.exit", "os._exit", "os.fork", "os.kill", "exec", "eval"], PROCESS),
}  # fmt: skip
NAMES = {
    **dict.fromkeys(["os.environ", "sys.argv"], ENVIRONMENT),
    **dict.fromkeys(["sys.stdin", "sys.stdout", "sys.stderr"], TERMINAL),
}
FILE_METHODS = {
    "read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "rglob", "mkdir", "rmdir", "unlink", "touch",
    "tofile",
}  # fmt: skip
LOUD_LOG_METHODS = {"info", "warning", "error", "exception", "critical"}
LOGGERS = {"log", "logger", "structlog", "logging"}


def is_held_to_purity(path: Path) -> bool:
    """Whether a file of the tree belongs to `protocol` or to a service's `core`."""
    return path.parts[0] == "protocol" or path.parts[1:2] == ("core",)


def impurities(source: str) -> Iterator[tuple[int, str]]:
    """Line and complaint for everything in the source that is more than values in, values out."""
    tree = ast.parse(source)
    bound = imported_names(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Await() | ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith():
                yield node.lineno, "`async` belongs to the shell; return a decision"
            case ast.Call():
                yield from impure_calls(node, bound)
            case ast.Attribute() | ast.Name() if complaint := NAMES.get(dotted(node, bound)):
                yield node.lineno, f"`{dotted(node, bound)}` {complaint}"
            case _:
                pass


def impure_calls(call: ast.Call, bound: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Complaints about one call."""
    name = dotted(call.func, bound)
    if complaint := CALLS.get(name):
        yield call.lineno, f"`{name}()` {complaint}"
    elif isinstance(call.func, ast.Attribute):
        owner = dotted(call.func.value, bound).rpartition(".")[2]
        if call.func.attr in FILE_METHODS:
            yield call.lineno, f"`.{call.func.attr}()` {FILES}"
        elif call.func.attr in LOUD_LOG_METHODS and owner in LOGGERS:
            yield call.lineno, f"`{owner}.{call.func.attr}()` logs above debug; return it, the shell logs"


def main(root: Path = ROOT) -> int:
    """Check `protocol` and the cores; 1 if one of them does more than compute."""
    packages = ("protocol", "edge_agent", "aggregator")
    sources = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    pure = [path for path in sources if is_held_to_purity(path.relative_to(root))]
    found = [(path, *each) for path in pure for each in impurities(path.read_text())]
    for path, line, complaint in found:
        print(f"{path.relative_to(root)}:{line}: {complaint} (CONTRIBUTING.md, Core and shell)", file=sys.stderr)
    print(f"purity: {len(pure)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
