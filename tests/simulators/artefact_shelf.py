"""A plain HTTPS server that asks for a client certificate and gives artefacts by their hash, from memory."""

import hashlib
import http.server
import json
import ssl
import threading
import time

from typing_extensions import override

from tests.simulators.city import City


class ArtefactShelf:
    """Artefacts of a city. Use as a context; `put` may be called at any time."""

    def __init__(self, city: City) -> None:
        self._artefacts: dict[str, bytes] = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(city.folder / "peer.crt.pem", city.folder / "peer.key.pem")
        context.load_verify_locations(city.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="artefact-shelf")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def put(self, artefact: bytes) -> None:
        """Give these bytes to whoever asks for their hash."""
        self._artefacts[hashlib.sha256(artefact).hexdigest()] = artefact

    def __enter__(self) -> "ArtefactShelf":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        artefacts = self._artefacts

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = artefacts.get(self.path.removeprefix("/artefacts/"))
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(found or b"")))
                self.end_headers()
                self.wfile.write(found or b"")

            def do_POST(self) -> None:
                """The probe of the way up, as the aggregator answers it."""
                taken = len(self.rfile.read(int(self.headers["Content-Length"])))
                told = json.dumps({"bytes": taken, "now_ms": time.time_ns() // 1_000_000}).encode()
                self.send_response(200 if self.path == "/probe" else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
