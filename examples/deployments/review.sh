#!/bin/sh
# Posts decision.json as GitHub does. PUBLIC_URL and GITHUB_WEBHOOK_SECRET are in the environment.
set -eu
cd "$(dirname "$0")"
signature=$(openssl dgst -sha256 -hmac "$GITHUB_WEBHOOK_SECRET" -r decision.json | cut -d' ' -f1)
curl --fail-with-body --silent --show-error "$PUBLIC_URL/webhooks/github" \
  --header 'Content-Type: application/json' \
  --header 'X-GitHub-Event: deployment_review' \
  --header "X-Hub-Signature-256: sha256=$signature" \
  --data-binary @decision.json
