"""The real ssh-agent: an officer's key inside it signs a batch that a box takes."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aggregator.adapters.officer_keys import agent_signer, read_public
from aggregator.adapters.ssh_agent import list_keys
from aggregator.errors import BadKey
from protocol.cosign import CoSigned
from protocol.envelope import Context
from protocol.hotlist import approve

AddKey = Callable[[str, str], Path]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an ssh-agent that holds nothing yet."""
    socket = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it says where it listens, once it does
    yield socket
    process.terminate()
    process.wait(timeout=30)
    process.stdout.close()


@pytest.fixture
def add_key(agent: Path, tmp_path: Path) -> AddKey:
    """Makes a key with ssh-keygen, gives it to the agent, and returns its public file."""

    def add(name: str, kind: str = "ed25519") -> Path:
        path = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", path], check=True)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(agent)}
        subprocess.run(["ssh-add", "-q", path], env=environment, check=True)
        return path.with_suffix(".pub")

    return add


def fingerprint(public: Path) -> str:
    said = subprocess.run(["ssh-keygen", "-l", "-f", public], capture_output=True, text=True, check=True).stdout
    return said.split()[1]


def test_a_key_in_the_agent_signs_as_the_public_file_says(agent: Path, add_key: AddKey) -> None:
    public = read_public(add_key("ana", "ed25519"))
    signer = agent_signer(agent, None)
    assert signer.public_key == public
    payload = b"a batch"
    signature = approve(payload, signer)
    assert CoSigned(payload).is_signed_by(signature, public, Context.BATCH)
    assert not CoSigned(b"another").is_signed_by(signature, public, Context.BATCH)


def test_one_of_several_keys_is_named_by_its_fingerprint(agent: Path, add_key: AddKey) -> None:
    add_key("ana", "ed25519")
    luis = add_key("luis", "ed25519")
    with pytest.raises(BadKey, match="--key FINGERPRINT"):
        agent_signer(agent, None)
    assert agent_signer(agent, fingerprint(luis)).public_key == read_public(luis)


def test_the_only_ed25519_key_is_found_among_others(agent: Path, add_key: AddKey) -> None:
    add_key("old", "ecdsa")
    public = add_key("ana", "ed25519")
    assert [key.comment for key in list_keys(agent)] == ["old", "ana"]
    assert agent_signer(agent, None).public_key == read_public(public)


def test_a_key_of_another_type_is_refused(agent: Path, add_key: AddKey) -> None:
    public = add_key("old", "ecdsa")
    with pytest.raises(BadKey, match="must be ssh-ed25519"):
        read_public(public)
    with pytest.raises(BadKey, match="found none"):
        agent_signer(agent, fingerprint(public))


def test_a_key_that_the_agent_has_dropped_does_not_sign(agent: Path, add_key: AddKey) -> None:
    add_key("ana", "ed25519")
    signer = agent_signer(agent, None)
    subprocess.run(["ssh-add", "-q", "-D"], env={**os.environ, "SSH_AUTH_SOCK": str(agent)}, check=True)
    with pytest.raises(BadKey, match="did not sign"):
        signer.sign(b"a batch")


def test_an_agent_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKey, match="SSH_AUTH_SOCK"):
        agent_signer(tmp_path / "none.sock", None)
