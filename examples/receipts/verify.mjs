// Refuses to go on unless the payload was approved: node verify.mjs answer.json keys.json payload.json
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const decode = (text) => Buffer.from(text, "base64url");
const canonical = (value) => { // RFC 8785
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
};
const refuse = (reason) => {
  console.error(`refused: ${reason}`);
  process.exit(1);
};

const [answer, keys, payload] = process.argv.slice(2, 5).map((name) => JSON.parse(readFileSync(name, "utf8")));
const [head, body, signature] = answer.receipt.split(".");
const { kid, typ } = JSON.parse(decode(head));
const key = keys.keys.find((candidate) => candidate.kid === kid);
if (!key || typ !== "approval-receipt+jwt") refuse("the receipt is not signed with a key that we trust");
const signed = Buffer.from(`${head}.${body}`);
if (!verify(null, signed, createPublicKey({ key, format: "jwk" }), decode(signature))) refuse("the receipt was changed");
const receipt = JSON.parse(decode(body));
if (receipt.status !== "approved") refuse(`order ${receipt.order} is ${receipt.status}`);
const digest = createHash("sha256").update(canonical(payload)).digest("hex");
if (digest !== receipt.requestDigest) refuse("the payload is not what was decided about");
console.log(`order ${receipt.order}: ${receipt.choice} with ${JSON.stringify(receipt.values)}`);
