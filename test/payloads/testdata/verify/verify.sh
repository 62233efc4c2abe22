# SECRET is whsec_…, ID and TIMESTAMP are the headers webhook-id and webhook-timestamp, and body.json is the body as it
# arrived. The output is one of the signatures in webhook-signature.
key=$(printf %s "${SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
{ printf '%s.%s.' "$ID" "$TIMESTAMP"; cat body.json; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A | sed 's/^/v1,/'
