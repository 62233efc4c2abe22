package app

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/approval-relay/approval-relay/organisation"
)

func TestLogo(t *testing.T) {
	t.Parallel()
	if logoHandler(nil) != nil {
		t.Error("a route without a logo")
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, 3, 3), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	logo := &organisation.Logo{Type: "image/png", Bytes: b.Bytes()}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{name}", logoHandler(logo))
	for path, want := range map[string]int{"/assets/" + logo.Name(): 200, "/assets/logo-0.png": 404, "/assets/..%2flogo": 404} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
			continue
		}
		if want != 200 {
			continue
		}
		if !bytes.Equal(w.Body.Bytes(), logo.Bytes) {
			t.Error("another picture")
		}
		for header, value := range map[string]string{
			"Content-Type":            "image/png",
			"Cache-Control":           "public, max-age=31536000, immutable",
			"Content-Security-Policy": "default-src 'none'; sandbox",
			"X-Content-Type-Options":  "nosniff",
		} {
			if got := w.Header().Get(header); got != value {
				t.Errorf("%s: %q", header, got)
			}
		}
	}
}
