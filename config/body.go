package config

import (
	"github.com/approval-relay/approval-relay/body"
	"github.com/approval-relay/approval-relay/setup"
)

// setBodyFormat sets the format of bodies that the scheme of the webhook has, if the file names none.
func (w *Webhook) setBodyFormat() {
	if w.Body != "" || !w.isValid() {
		return
	}
	if scheme, err := w.Settings().Scheme(); err == nil {
		w.Body = string(scheme.BodyFormat())
	}
}

// validateBodyFormat checks the format of bodies. The header Content-Type must not choose it where a signature covers the
// body only: somebody who has seen a signed request could send it again with another header, and the program would read
// a text in it as fields.
func (w *Webhook) validateBodyFormat(at *setup.Check) {
	if w.Body == "" { // the scheme has a fault
		return
	}
	var formats []string
	for _, f := range body.Formats() {
		formats = append(formats, string(f))
	}
	at.OneOf("body", w.Body, formats...)
	if w.Body != string(body.Auto) || !w.isValid() {
		return
	}
	if scheme, err := w.Settings().Scheme(); err == nil && !scheme.CoversRequest {
		at.Fault("body", "is auto, but the signature does not cover the header Content-Type; write the format that the sender has")
	}
}
