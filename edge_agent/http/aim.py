"""The aiming page over HTTPS, for one phone.

| route | |
|---|---|
| `GET /` | the code's form, or the page itself for the session |
| `POST /enter` | takes the code; gives the session's cookie |
| `GET /look` | JSON: the next figures and advice after number `after`, of camera `camera`; waits for them |
| `GET /picture/{number}.jpg` | the redacted picture of a look |
| `POST /leave` | ends the session, and with it the page |
| `GET /aim.css`, `GET /aim.js` | the page's own files |

Everything is `no-store`, under a policy that lets the page load nothing but these. A request for another host name
than the address dialled, or a form from another page, is refused. What a look tells is built from `core.aim.Look`:
numbers, words of the catalogue and a redacted picture. No plate text ever comes near this module.
"""

import re
from collections.abc import Awaitable, Callable
from html import escape
from importlib.resources import files
from typing import Any, Final, Protocol, TypeAlias

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from edge_agent.adapters.texts import LANGUAGES, Language, Texts, texts
from edge_agent.core.admission import Admission
from edge_agent.core.aim import NEEDED_PX, Aim, Look
from edge_agent.http.languages import spoken

COOKIE: Final = "__Host-aim"
LANGUAGE_COOKIE: Final = "language"
LOOK_WAIT_S: Final = 5.0
MAX_BODY_BYTES: Final = 1024
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FILES: Final = {"aim.css": "text/css", "aim.js": "text/javascript"}
_PLACE: Final = re.compile(r"\{\{([a-z-]+)\}\}")

Clock: TypeAlias = Callable[[], float]


class Desk(Protocol):
    """Who looks at the camera."""

    camera: str

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras to choose from."""
        ...

    def choose(self, camera: str) -> None:
        """Look at another one."""
        ...

    def picture(self, number: int) -> bytes | None:
        """A look's picture."""
        ...

    def after(self, number: int, limit_s: float) -> Awaitable[Look]:
        """The next look."""
        ...


def aim_app(desk: Desk, door: Admission, clock: Clock) -> web.Application:
    """The application: a door, and behind it the desk."""
    page = _Page(desk, door, clock)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_guarded])
    app.router.add_get("/", page.show)
    app.router.add_post("/enter", page.enter)
    app.router.add_get("/look", page.look)
    app.router.add_get("/picture/{number:[0-9]{1,9}}.jpg", page.picture)
    app.router.add_post("/leave", page.leave)
    app.router.add_get("/favicon.ico", _nothing)
    for name in FILES:
        app.router.add_get(f"/{name}", _file)
    return app


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign hosts and forms, and lay the headers on every answer."""
    response: web.StreamResponse
    if request.host != _own_host(request):
        response = web.Response(status=421, text="wrong host")
    elif request.method == "POST" and request.headers.get("Origin") != f"{request.scheme}://{request.host}":
        response = web.Response(status=403, text="wrong origin")
    else:
        try:
            response = await handler(request)
        except web.HTTPException as exc:
            response = web.Response(status=exc.status, text=exc.reason)
    response.headers.update(HEADERS)
    return response


def _own_host(request: web.Request) -> str:
    """The address and port that were really dialled."""
    host, port = request.transport.get_extra_info("sockname")[:2] if request.transport else ("", 0)
    return f"{host}:{port}"


async def _nothing(_request: web.Request) -> web.Response:
    """Browsers ask for an icon unasked."""
    return web.Response(status=204)


async def _file(request: web.Request) -> web.Response:
    name = request.path.removeprefix("/")
    return web.Response(text=_source(name), content_type=FILES[name])


def _source(name: str) -> str:
    return (files("edge_agent") / "http" / "page" / name).read_text(encoding="utf-8")


class _Page:
    """The handlers."""

    def __init__(self, desk: Desk, door: Admission, clock: Clock) -> None:
        self._desk, self._door, self._clock = desk, door, clock

    async def show(self, request: web.Request) -> web.Response:
        """The page that this visitor may see."""
        language = spoken(request.headers.get("Accept-Language", ""), self._chosen(request))
        if self._door.closed(self._clock()):
            response = self._html("closed.html", language, status=410)
        elif self._is_admitted(request):
            response = self._html("look.html", language, cameras=self._options())
        else:
            response = self._html("code.html", language)
        if request.query.get("language") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, secure=True, samesite="Strict", max_age=86_400)
        return response

    async def enter(self, request: web.Request) -> web.Response:
        """Try a code."""
        language = spoken(request.headers.get("Accept-Language", ""), self._chosen(request))
        code = (await request.post()).get("code", "")
        if isinstance(code, str) and self._door.enter(code, self._clock()):
            response = web.Response(status=303, headers={"Location": "/"})
            response.set_cookie(COOKIE, self._door.session, secure=True, httponly=True, samesite="Strict")
            return response
        if self._door.closed(self._clock()):
            return self._html("closed.html", language, status=410)
        problem = texts(language)("aim-wrong-code", tries=self._door.tries_left)
        return self._html("code.html", language, status=403, problem=escape(problem))

    async def look(self, request: web.Request) -> web.Response:
        """The next look."""
        self._check(request)
        if "camera" in request.query:
            self._desk.choose(request.query["camera"])
        after = request.query.get("after", "0")
        found = await self._desk.after(int(after) if after.isdecimal() else 0, LOOK_WAIT_S)
        language = spoken(request.headers.get("Accept-Language", ""), self._chosen(request))
        return web.Response(body=msgspec.json.encode(_told(found, texts(language))), content_type="application/json")

    async def picture(self, request: web.Request) -> web.Response:
        """A look's picture, while it is there."""
        self._check(request)
        jpeg = self._desk.picture(int(request.match_info["number"]))
        if jpeg is None:
            raise web.HTTPNotFound
        return web.Response(body=jpeg, content_type="image/jpeg")

    async def leave(self, request: web.Request) -> web.Response:
        """The technician is done."""
        self._check(request)
        self._door.leave()
        return web.Response(status=204)

    def _check(self, request: web.Request) -> None:
        if not self._is_admitted(request):
            raise web.HTTPGone if self._door.closed(self._clock()) else web.HTTPUnauthorized

    def _is_admitted(self, request: web.Request) -> bool:
        return self._door.admits(request.cookies.get(COOKIE, ""), self._clock())

    def _chosen(self, request: web.Request) -> str | None:
        return request.query.get("language") or request.cookies.get(LANGUAGE_COOKIE)

    def _options(self) -> str:
        """The cameras as options of a form."""
        return "".join(
            f'<option value="{escape(each)}"{" selected" if each == self._desk.camera else ""}>{escape(each)}</option>'
            for each in self._desk.cameras
        )

    def _html(self, name: str, language: Language, *, status: int = 200, **parts: str) -> web.Response:
        """A page with the catalogue's words in its places, and `parts` (HTML) in those that bear their names."""
        said = texts(language)

        def fill(place: re.Match[str]) -> str:
            key = place.group(1)
            if key == "language":
                return language
            return escape(said(key)) if key.startswith("aim-") else parts.get(key, "")

        return web.Response(status=status, text=_PLACE.sub(fill, _source(name)), content_type="text/html")


# `Any`: JSON.
def _told(look: Look, said: Texts) -> dict[str, Any]:
    """A look in words and numbers."""
    aim = look.aim
    values = {
        "width": (aim.width_px or 0) if aim else 0,
        "needed": NEEDED_PX,
        "tilt": (aim.tilt_deg or 0) if aim else 0,
    }
    return {
        "number": look.number,
        "camera": look.camera,
        "picture": f"/picture/{look.number}.jpg" if look.jpeg else None,
        "missing": said(f"aim-no-picture-{look.missing.value}") if look.missing else "",
        "advice": aim.advice.value if aim else "",
        "verdict": said(f"aim-do-{aim.advice.value}", **values) if aim else "",
        "is_right": bool(aim and aim.advice.is_right),
        "figures": _figures(aim, said) if aim else [],
    }


def _figures(aim: Aim, said: Texts) -> list[dict[str, str]]:
    """Name and value of each figure; a dash where no plate tells."""
    shown: dict[str, int | None] = {
        "width": aim.width_px,
        "plates": aim.plates,
        "tilt": aim.tilt_deg,
        "plate-sharpness": aim.plate_sharpness,
        "plate-level": aim.plate_level,
        "sharpness": aim.scene_sharpness,
        "brightness": aim.brightness,
    }
    return [
        {
            "name": said(f"aim-figure-{name}"),
            "value": "-" if value is None else said(f"aim-value-{name}", value=value, needed=NEEDED_PX),
        }
        for name, value in shown.items()
    ]
