package webhook

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// decoderOf returns the decoder of an encoding of signatures.
func decoderOf(encoding string) func(string) ([]byte, error) {
	if encoding == "base64" {
		return decodeBase64
	}
	return hex.DecodeString
}

// decodeBase64 reads the usual and the URL-safe alphabet, with and without padding: they are encodings of the same
// bytes, and senders differ.
func decodeBase64(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	if strings.ContainsAny(text, "-_") {
		return base64.RawURLEncoding.Strict().DecodeString(text)
	}
	return base64.RawStdEncoding.Strict().DecodeString(text)
}

// secretDecoder returns the function that turns the text of a secret into the key.
func secretDecoder(encoding string) func(string) ([]byte, error) {
	switch encoding {
	case "base64":
		return func(text string) ([]byte, error) {
			b, err := decodeBase64(text)
			if err != nil {
				return nil, errors.New("is not base64, as secret_encoding has it")
			}
			return b, nil
		}
	case "hex":
		return func(text string) ([]byte, error) {
			b, err := hex.DecodeString(text)
			if err != nil {
				return nil, errors.New("is not hex, as secret_encoding has it")
			}
			return b, nil
		}
	}
	return decodePlain
}
