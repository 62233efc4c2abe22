import { createHmac, timingSafeEqual } from "node:crypto";

// Reports whether approval-relay signed this body (a Buffer). The names of the headers are in lower case, as in
// the headers of a node:http request.
export function verify(secret, headers, body, tolerance = 300) {
  const sent = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(sent)) <= tolerance)) return false; // an old request, sent again
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${sent}.`), body]);
  const want = Buffer.from("v1," + createHmac("sha256", key).update(signed).digest("base64"));
  // While secrets rotate, there are several signatures.
  return headers["webhook-signature"].split(" ").some((text) => {
    const got = Buffer.from(text);
    return got.length === want.length && timingSafeEqual(got, want);
  });
}
