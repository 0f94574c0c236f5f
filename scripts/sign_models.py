"""Sign models: put them in a folder with a manifest each, under the signature of a key that boxes trust.

    .venv/bin/python scripts/sign_models.py new-key KEY.pem --passphrase-file FILE
    .venv/bin/python scripts/sign_models.py sign NAME MODEL.xml --facts FACTS.json --key KEY.pem --passphrase-file FILE
    .venv/bin/python scripts/sign_models.py verify [FOLDER]

docs/models.md says what the facts are, and how a key is kept and replaced. A passphrase comes from a file that only
its owner can read; a private key is refused a place in this repository.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import cyclopts
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from model_signing.facts import gather
from model_signing.workshop import Workshop

from aggregator.adapters import keyfiles
from aggregator.errors import AggregatorError
from edge_agent.adapters.model_folder import SignedModels
from edge_agent.adapters.model_manifest import Signers, key_line, key_name
from edge_agent.adapters.model_pins import PINNED
from edge_agent.adapters.models import PACKAGE
from edge_agent.errors import BadModelFile, BadSettings, EdgeError
from protocol.keys import Algorithm, KeySigner

ROOT: Final = Path(__file__).resolve().parents[1]

app = cyclopts.App(help=__doc__, help_format="plaintext", version_flags=())

PassphraseFile = Annotated[Path, cyclopts.Parameter(help="File of mode 600 whose first line is the key's passphrase.")]
Trust = Annotated[tuple[str, ...], cyclopts.Parameter(help="Another public key that counts, as new-key prints it.")]


@cyclopts.Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Signing:
    """Who signs, and where."""

    key: Annotated[Path, cyclopts.Parameter(help="The private key that new-key made.")]
    passphrase_file: PassphraseFile
    into: Annotated[Path, cyclopts.Parameter(help="Folder of signed models.")] = PACKAGE
    trust: Trust = ()

    def open(self) -> Workshop:
        """The folder, ready to be signed into."""
        signer = keyfiles.read_signer(self.key, keyfiles.read_passphrase(self.passphrase_file))
        if signer.public_key.algorithm is not Algorithm.ED25519:
            raise BadSettings(f"{self.key}: models are signed by Ed25519 keys only; make one with new-key")
        return Workshop(self.into, signer, Signers.of((*PINNED, *self.trust, key_line(signer.public_key))))


@app.command
def new_key(out: Path, *, passphrase_file: PassphraseFile) -> None:
    """Make a key that signs models, and print the line that makes boxes trust it.

    Parameters
    ----------
    out
        The private key's file, encrypted; the public half is put beside it as OUT.pub for openssl.
    """
    if out.resolve().is_relative_to(ROOT):
        raise BadSettings(f"{out} lies in the repository: keep the private key somewhere else")
    private = Ed25519PrivateKey.generate()
    keyfiles.write_private(out, private, keyfiles.read_passphrase(passphrase_file))
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    keyfiles.write_new(out.with_name(f"{out.name}.pub"), pem)
    public = KeySigner(private).public_key
    print(
        f"{out} is key {key_name(public)}; keep it and its passphrase apart, and both off this machine", file=sys.stderr
    )
    print("its line for edge_agent/adapters/model_pins.py, or for a state's inference.model_signers:", file=sys.stderr)
    print(key_line(public))


@app.command
def sign(
    name: str,
    graph: Path,
    *,
    signing: Signing,
    facts: tuple[Path, ...],
    figures: tuple[Path, ...] = (),
    model_version: Annotated[str | None, cyclopts.Parameter(help="Version; else that of the facts.")] = None,
) -> None:
    """Install a model under a name, with its manifest and signature.

    Parameters
    ----------
    graph
        The model's .xml; its .bin lies beside it.
    facts
        JSON or TOML: what docs/models.md lists, or a training's card; of several the later ones outrank.
    figures
        What a benchmark printed: the figures of its last line join the facts'.
    """
    said = {**gather(name, facts, figures), **({"version": model_version} if model_version else {})}
    made = signing.open().install(name, graph, said)
    print(f"{made.name} {made.version} is in {signing.into}, signed by {made.signed_by}")


@app.command
def resign(*, signing: Signing) -> None:
    """Sign everything in a folder anew: when one key takes over from another. Nothing else changes."""
    for made in signing.open().sign_anew():
        print(f"{made.name} {made.version} is signed by {made.signed_by}")


@app.command
def remove(name: str, *, signing: Signing) -> None:
    """Take a model out of a folder."""
    signing.open().remove(name)
    print(f"{name} is no longer in {signing.into}")


@app.command
def verify(folder: Path = PACKAGE, /, *, trust: Trust = ()) -> int:
    """Look at every signature and every byte of a folder, under the pinned key and others that are named."""
    models = SignedModels.open(folder, Signers.of((*PINNED, *trust)))
    wrong = 0
    for name in models.versions:
        try:
            manifest = models.manifest(name)
            models.files(manifest)
        except EdgeError as exc:
            wrong += 1
            print(f"{name}: {exc}", file=sys.stderr)
        else:
            print(f"{name} {manifest.version} is as {manifest.signed_by} signed it")
    if not models.versions:
        print(f"{folder} holds no signed models", file=sys.stderr)
    return 1 if wrong else 0


@app.command
def show(name: str, folder: Path = PACKAGE, /, *, trust: Trust = ()) -> None:
    """Print a model's manifest, once its signature has been checked."""
    models = SignedModels.open(folder, Signers.of((*PINNED, *trust)))
    if name not in models.versions:
        raise BadModelFile(f"{folder} has no model {name}; it has {', '.join(models.versions) or 'none'}")
    print(msgspec.json.format(msgspec.json.encode(models.manifest(name)), indent=1).decode())


def main() -> int:
    """Run a command; a failure is one line on stderr."""
    try:
        return int(app(sys.argv[1:], exit_on_error=True, result_action="return_value") or 0)
    except (EdgeError, AggregatorError) as exc:
        print(f"sign_models: {exc}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
