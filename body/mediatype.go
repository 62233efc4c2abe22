package body

import (
	"mime"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
)

// Accept is the value of the header Accept in the answer to a request with another content type.
const Accept = "application/json, application/*+json, text/json, application/x-www-form-urlencoded, multipart/form-data"

// chooseFormat returns the format that the header Content-Type names. A sender without the header, or with one that
// says little, sends JSON if the body begins as JSON does. curl calls every body a form.
func chooseFormat(h http.Header, b []byte) (Format, error) {
	kind, parameters, err := mediaType(h)
	if err != nil {
		return "", err
	}
	switch {
	case isJSONType(kind):
		return JSON, nil
	case kind == "multipart/form-data":
		return Multipart, checkBoundary(parameters["boundary"], b)
	case isVague(kind) && isJSONText(b):
		return JSON, nil
	case kind == "application/x-www-form-urlencoded":
		return Form, nil
	}
	what := "names no type that is taken"
	if kind == "" {
		what = "is missing, and the body does not begin as JSON does"
	}
	return "", refuse(refusal.Format, contentType, "the header %s %s; taken are %s",
		contentType, what, strings.ReplaceAll(Accept, ", multipart", " and multipart"))
}

// isJSONType reports whether a media type is JSON (RFC 6839, section 3.1).
func isJSONType(kind string) bool {
	return kind == "application/json" || kind == "text/json" || kind == "application/x-json" || kind == "text/x-json" ||
		strings.HasSuffix(kind, "+json") && strings.Count(kind, "/") == 1
}

// isVague reports whether a media type says nothing about the format of a body.
func isVague(kind string) bool {
	switch kind {
	case "", "text/plain", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded":
		return true
	}
	return false
}

// isJSONText reports whether a body begins as JSON does, or can only be refused as JSON: it is empty, or in UTF-16.
func isJSONText(b []byte) bool {
	text, err := WithoutMark(b)
	return err != nil || len(trimSpace(text)) == 0 || beginsJSON(text)
}

// mediaType returns the content type of a request. Some proxies repeat the header; different values are refused, because
// another reader may have chosen the other.
func mediaType(h http.Header) (kind string, parameters map[string]string, err error) {
	for i, value := range h.Values(contentType) {
		k, p, err := parseMediaType(value)
		if err != nil {
			return "", nil, refuse(refusal.Format, contentType, "the header %s is malformed", contentType)
		}
		if i > 0 && (k != kind || p["boundary"] != parameters["boundary"]) {
			return "", nil, refuse(refusal.Format, contentType, "the header %s was sent twice, with different values", contentType)
		}
		kind, parameters = k, p
	}
	return kind, parameters, nil
}

// parseMediaType parses a content type. A proxy may have joined two equal ones by a comma.
func parseMediaType(value string) (string, map[string]string, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return "", nil, nil
	}
	if first, second, joined := strings.Cut(value, ","); joined && strings.TrimSpace(first) == strings.TrimSpace(second) {
		value = first
	}
	kind, parameters, err := mime.ParseMediaType(value)
	if err == mime.ErrInvalidMediaParameter {
		err = nil // such as "application/json; charset"
	}
	return kind, parameters, err
}

// checkBoundary refuses a boundary of the header that is not the body's. A header without a boundary is a frequent
// mistake, and the body has it too.
func checkBoundary(boundary string, b []byte) error {
	text, err := WithoutMark(b)
	if err != nil || boundary == "" {
		return nil // Decode names the reason
	}
	if first, ok := firstBoundary(trimLineEnds(text)); ok && first != boundary {
		return refuse(refusal.Format, contentType, "the boundary in the header %s is not that of the body", contentType)
	}
	return nil
}
