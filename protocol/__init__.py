"""The contract between box, city, region, officers and root: bytes in, verified values out; no I/O, no clock.

docs/protocol.md is the specification; the modules are its chapters, lowest first:

    errors, refusals, names      what is raised, what is answered, what things are called
    cbor, wire                   the one encoding; structs to maps and back
    keys, envelope, cosign       who signed what, for which use; one signer, or several
    messages, order              what devices say, and its place in sequence and chain
    receipts, delivery           what is answered, and what a sender does about it
    presence, clock, topics      who is on line, what time it cannot be before, where it is said
    renewal, revocations         a certificate for another term, by the key it is for; keys that hold no more
    trust, hotlist, sealing      who may say what; wanted vehicles; what only the evidence authority opens
    settings, terms              what a box runs, by its region's word; what a private company's box may do
    enrolment, armour            how a new box gets its identity; bytes as text that can be pasted
    joining, federation, roster  how a city and its region come to know each other, and what they say up and down
    plates                       how plate texts are written and mistaken
    steps                        where a drill may stop a program

What is received goes one way: `envelope.parse`, find the registered key, `Envelope.check`, only then `decode_...`.
"""

__all__ = [
    "armour",
    "cbor",
    "clock",
    "cosign",
    "delivery",
    "enrolment",
    "envelope",
    "errors",
    "federation",
    "hotlist",
    "joining",
    "keys",
    "messages",
    "names",
    "order",
    "plates",
    "presence",
    "receipts",
    "refusals",
    "renewal",
    "revocations",
    "roster",
    "sealing",
    "settings",
    "steps",
    "terms",
    "topics",
    "trust",
    "wire",
]
