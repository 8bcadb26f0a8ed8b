"""Ids that depend on content alone, so that neither a sequence nor a hidden row shows in them."""

import hashlib


def content_id(kind: str, *fields: str) -> str:
    """32 hex digits over the fields; each is length-prefixed, so that no two lists collide by joining."""
    digest = hashlib.sha256(kind.encode())
    for field in fields:
        data = field.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:32]


def entity_id(tenant: str, key: str) -> str:
    """The identity of everything in a tenant that is named by this normalised key."""
    return content_id("entity", tenant, key)
