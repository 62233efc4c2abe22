import base64
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verify_key(public_key: str, headers: dict[str, str], body: bytes, tolerance: int = 300) -> bool:
    """Reports whether approval-relay signed this body. The names of the headers are in lower case."""
    sent = headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > tolerance:
        return False  # an old request, sent again
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    for signature in headers["webhook-signature"].split():  # several while keys rotate
        version, _, text = signature.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(base64.b64decode(text), signed)
            return True
        except (InvalidSignature, ValueError):
            continue
    return False
