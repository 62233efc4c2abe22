"""Refuses to go on unless the payload was approved: python3 verify.py answer.json keys.json payload.json"""
import base64, hashlib, json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):  # canonical JSON (RFC 8785) has 5 for 5.0
    return int(float(text)) if float(text).is_integer() else float(text)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


answer, keys, payload = (json.load(open(name, encoding="utf-8"), parse_float=number) for name in sys.argv[1:4])
head, body, signature = answer["receipt"].split(".")
header = json.loads(decode(head))
key = next((k for k in keys["keys"] if k["kid"] == header["kid"]), None)
if key is None or header["typ"] != "approval-receipt+jwt":
    sys.exit("refused: the receipt is not signed with a key that we trust")
Ed25519PublicKey.from_public_bytes(decode(key["x"])).verify(decode(signature), f"{head}.{body}".encode())  # or raises
receipt = json.loads(decode(body))
if receipt["status"] != "approved":
    sys.exit(f"refused: order {receipt['order']} is {receipt['status']}")
if receipt["requestDigest"] != hashlib.sha256(canonical(payload)).hexdigest():
    sys.exit("refused: the payload is not what was decided about")
print(f"order {receipt['order']}: {receipt['choice']} with {receipt['values']}")
