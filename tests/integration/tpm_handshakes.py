"""Handshakes with a key in the TPM, from many threads and from asyncio at once; its own process, since it loads a
provider into OpenSSL that would stay. Prints one line of JSON.

usage: tpm_handshakes.py IDENTITY PORT THREADS
"""

import asyncio
import hashlib
import json
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

from edge_agent.adapters.keystore import load_enrolment


def main() -> None:
    """Shake hands with the server on the port, everybody at the same time, three times each."""
    enrolment, port, threads = load_enrolment(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    greetings: list[bytes] = []

    def dial() -> None:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as line, tls(line) as wrapped:
                greetings.append(wrapped.recv(16))

    def tls(line: socket.socket) -> ssl.SSLSocket:
        context = enrolment.tls()
        return context.wrap_socket(line)

    async def dial_too() -> None:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=enrolment.tls(), server_hostname="x")
            greetings.append(await reader.read(16))
            writer.close()

    signed = [enrolment.signer.public_key.verifies(enrolment.signer.sign(b"data"), b"data")]
    workers = [threading.Thread(target=dial) for _ in range(threads)]
    for worker in workers:
        worker.start()
    asyncio.run(dial_too())
    for worker in workers:
        worker.join()
    signed.append(enrolment.signer.public_key.verifies(enrolment.signer.sign(b"data"), b"data"))
    began = time.process_time()
    for number in range(2000):
        hashlib.sha256(b"%d" % number).digest()
    hashes_s = 2000 / (time.process_time() - began)
    print(
        json.dumps({"greetings": len([g for g in greetings if g == b"hello"]), "signed": signed, "hashes_s": hashes_s})
    )


if __name__ == "__main__":
    main()
