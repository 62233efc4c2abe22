import { createPublicKey, verify as verifySignature } from "node:crypto";

// Reports whether approval-relay signed this body (a Buffer). The names of the headers are in lower case, as in
// the headers of a node:http request.
export function verifyKey(publicKey, headers, body, tolerance = 300) {
  const sent = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(sent)) <= tolerance)) return false; // an old request, sent again
  const x = Buffer.from(publicKey.replace(/^whpk_/, ""), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${sent}.`), body]);
  // While keys rotate, there are several signatures.
  return headers["webhook-signature"].split(" ").some((text) => {
    const [version, signature] = text.split(",");
    return version === "v1a" && verifySignature(null, signed, key, Buffer.from(signature, "base64"));
  });
}
