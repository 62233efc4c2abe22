import base64
import hashlib
import hmac
import time


def verify(secret: str, headers: dict[str, str], body: bytes, tolerance: int = 300) -> bool:
    """Reports whether approval-relay signed this body. The names of the headers are in lower case."""
    sent = headers["webhook-timestamp"]
    if abs(time.time() - int(sent)) > tolerance:
        return False  # an old request, sent again
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    want = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    # While secrets rotate, there are several signatures.
    return any(hmac.compare_digest(want, s.encode()) for s in headers["webhook-signature"].split())
