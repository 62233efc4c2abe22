// Package outbound makes calls to other systems and judges their outcome. It has the HTTP client with its guard against
// internal addresses, and it determines how far a request got, because the next step depends on whether the request may
// have been applied. The text of its errors contains nothing of a request: neither the URL nor the body.
package outbound
