package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// verifyKey reports whether approval-relay signed this body.
func verifyKey(publicKey string, header http.Header, body []byte, tolerance time.Duration) bool {
	sent := header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return false // an old request, sent again
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(publicKey, "whpk_"))
	if err != nil || len(key) != ed25519.PublicKeySize {
		return false
	}
	signed := append([]byte(header.Get("webhook-id")+"."+sent+"."), body...)
	for _, s := range strings.Fields(header.Get("webhook-signature")) { // several while keys rotate
		version, text, _ := strings.Cut(s, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		if err == nil && version == "v1a" && ed25519.Verify(key, signed, signature) {
			return true
		}
	}
	return false
}
