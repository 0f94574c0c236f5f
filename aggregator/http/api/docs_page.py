"""`GET /api/v1/docs`: the OpenAPI document for people, as one page that loads nothing but its own two files.

The page is made once, from the document that is served beside it, so that both say the same. Every text goes through
`escape`. It is whole without its script, which filters and copies. docs.css and docs.js lie in `page/`.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from importlib.resources import files
from typing import Any, Final, TypeAlias

from aiohttp import web

from aggregator.http.api.problems import KINDS, PREFIX

# A node of an OpenAPI document is any JSON.
Node: TypeAlias = Mapping[str, Any]

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
FILES: Final = {"docs.css": "text/css", "docs.js": "text/javascript"}


def docs_routes(document: Node) -> list[web.RouteDef]:
    """The page and its files."""
    html = page_of(document)

    async def docs(_request: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html", headers=HEADERS)

    async def file(request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        return web.Response(text=_source(name), content_type=FILES[name], headers=HEADERS)

    return [web.get(f"{PREFIX}/docs", docs), *(web.get(f"{PREFIX}/{name}", file) for name in FILES)]


def page_of(document: Node) -> str:
    """The page of a document."""
    operations = [_operation(path, item["get"], document) for path, item in document["paths"].items()]
    filled = {
        "title": escape(document["info"]["title"]),
        "version": escape(document["info"]["version"]),
        "about": _paragraphs(document["info"]["description"]),
        "operations": "\n".join(operations),
        "problems": "\n".join(_problems()),
    }
    html = _source("docs.html")
    for name, text in filled.items():
        html = html.replace("{{" + name + "}}", text)
    return html


def _operation(path: str, operation: Node, document: Node) -> str:
    name, scope = operation["operationId"], operation.get("x-scope")
    badge = f' <span class="scope">{escape(scope)}</span>' if scope else ""
    parts = [f"<p>{escape(operation['description'])}</p>", f"<pre><code>{escape(_curl(path, operation))}</code></pre>"]
    parameters = [_resolved(each, document) for each in operation.get("parameters", ())]
    parts += _table(("parameter", "what it is"), ((each["name"], each["description"]) for each in parameters))
    parts += _table(("column", "what it is"), _columns(operation, document))
    return (
        f'<details id="{escape(name)}"><summary><code>GET {escape(path)}</code> {escape(operation["summary"])}{badge}'
        f"</summary>{''.join(parts)}</details>"
    )


def _curl(path: str, operation: Node) -> str:
    token = '-H "Authorization: Bearer $TOKEN" ' if operation.get("security", True) else ""
    return f'curl {token}"$ATALAYA{path}"'


def _columns(operation: Node, document: Node) -> Iterator[tuple[str, str]]:
    answer = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
    rows = _resolved(answer, document).get("properties", {}).get("rows", {}).get("items", {})
    for name, schema in _resolved(rows, document).get("properties", {}).items():
        yield name, schema.get("description", "")


def _table(heads: tuple[str, str], rows: Iterable[tuple[str, str]]) -> list[str]:
    cells = [f"<tr><td><code>{escape(name)}</code></td><td>{escape(about)}</td></tr>" for name, about in rows]
    head = "".join(f"<th>{each}</th>" for each in heads)
    return [f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(cells)}</tbody></table>"] if cells else []


def _problems() -> Iterator[str]:
    for word, kind in KINDS.items():
        told = "".join(f"<td>{escape(each)}</td>" for each in (str(kind.status), kind.title, kind.remedy))
        yield f'<tr id="{word}"><td><code>{word}</code></td>{told}</tr>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(each)}</p>" for each in text.split("\n\n"))


def _resolved(node: Node, document: Node) -> Node:
    """What a node says, or what it refers to."""
    reference = node.get("$ref")
    if reference is None:
        return node
    found: Any = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    resolved: Node = found
    return resolved


def _source(name: str) -> str:
    return (files("aggregator") / "http" / "api" / "page" / name).read_text(encoding="utf-8")
