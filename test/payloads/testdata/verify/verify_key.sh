# KEY is whpk_…, ID and TIMESTAMP are the headers webhook-id and webhook-timestamp, SIGNATURE is the text after "v1a," in
# webhook-signature, and body.json is the body as it arrived. The output is "Signature Verified Successfully".
{ printf '0*0\005\006\003+ep\003!\000'; printf %s "${KEY#whpk_}" | openssl base64 -d -A; } > key.der
printf %s "$SIGNATURE" | openssl base64 -d -A > signature
{ printf '%s.%s.' "$ID" "$TIMESTAMP"; cat body.json; } > signed
openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in signed -sigfile signature
