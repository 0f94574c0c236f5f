"""The trust bundle on the server's disk: read and believed as a box does, against the root's pin."""

from aggregator.adapters import keyfiles
from aggregator.errors import BadKey
from aggregator.settings import Keys
from protocol.errors import DecodeError
from protocol.keys import PublicKey
from protocol.trust import TrustRefusal, TrustStore


def read_trust(keys: Keys) -> TrustStore:
    """What the root says now; raises `NotThere` or `BadKey`."""
    return believe(keyfiles.read_file(keys.trust_bundle), keys)


def believe(bundle: bytes, keys: Keys) -> TrustStore:
    """A bundle's grants, if the installation's root signed it; raises `NotThere` or `BadKey`."""
    store = TrustStore(root_of(keys)).accept(bundle)
    if isinstance(store, TrustRefusal):
        raise BadKey(f"{keys.trust_bundle} is not a trust bundle of this root ({store.name.lower()})")
    return store


def root_of(keys: Keys) -> PublicKey:
    """The installation's root, as pinned; raises `NotThere` or `BadKey`."""
    try:
        return PublicKey.from_spki(keyfiles.read_file(keys.root_spki))
    except DecodeError as exc:
        raise BadKey(f"{keys.root_spki} holds no public key") from exc
