package organisation_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/organisation"
)

func newPNG(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logo")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadLogo(t *testing.T) {
	t.Parallel()
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 9, 9)), nil); err != nil {
		t.Fatal(err)
	}
	data := "data:image/png;base64," + base64.StdEncoding.EncodeToString(newPNG(t, 3, 4))
	for name, c := range map[string]struct{ source, kind, fault string }{
		"png":         {write(t, newPNG(t, 2000, 2000)), "image/png", ""},
		"jpeg":        {write(t, photo.Bytes()), "image/jpeg", ""},
		"data":        {data, "image/png", ""},
		"wide":        {write(t, newPNG(t, 2001, 1)), "", "2001 × 1 pixels"},
		"large":       {write(t, append(newPNG(t, 3, 4), make([]byte, 256<<10)...)), "", "more than 256 KiB"},
		"damaged":     {write(t, newPNG(t, 400, 400)[:60]), "", "damaged"},
		"svg":         {write(t, []byte("<?xml version='1.0'?><SVG onload='alert(1)'/>")), "", "is SVG"},
		"gif":         {write(t, []byte("GIF89a")), "", "not a picture in PNG or JPEG"},
		"html":        {write(t, []byte("<script>")), "", "not a picture"},
		"empty":       {write(t, nil), "", "is empty"},
		"missing":     {filepath.Join(t.TempDir(), "none"), "", "no such file"},
		"folder":      {t.TempDir(), "", "is a directory"},
		"url":         {"https://cdn.example.com/logo.png", "", "another server"},
		"data svg":    {"data:image/svg+xml;base64,PHN2Zz4=", "", "must begin with data:image/png"},
		"data base64": {"data:image/png;base64,%%%", "", "not valid base64"},
	} {
		logo, err := organisation.ReadLogo(c.source)
		switch {
		case c.fault == "" && (err != nil || logo.Type != c.kind || !strings.HasPrefix(logo.Name(), "logo-")):
			t.Errorf("%s: %v, %v", name, logo, err)
		case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
			t.Errorf("%s: %v, want %s", name, err, c.fault)
		}
	}
}

func TestCheckAccent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		colour string
		dark   bool
		fault  string
	}{
		{"#000000", false, ""},
		{"#1b5fd0", false, ""},
		{"#767676", false, ""}, // the lightest grey that can be read on white
		{"#777777", false, "4.47:1 with white"},
		{"#ffcc00", false, "1.51:1 with white"},
		{"#ffffff", false, "1.00:1"},
		{"#8ab4f8", true, ""},
		{"#1b5fd0", true, "with #18202b"},
		{"#FFCC00", true, ""},
		{"blue", false, "#rrggbb"},
		{"#fff", false, "#rrggbb"},
		{"#1b5fd0;}", false, "#rrggbb"},
		{"#+1b5fd", false, "#rrggbb"},
		{"", false, "#rrggbb"},
	} {
		err := organisation.CheckAccent(c.colour, c.dark)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%q: %v, want %q", c.colour, err, c.fault)
		}
	}
}

// Every colour that can be read on light cards has a lighter form that can be read on dark ones.
func TestDarkAccent(t *testing.T) {
	t.Parallel()
	for _, colour := range []string{"#000000", "#1b5fd0", "#b3261e", "#0000ff", "#767676", "#00007f"} {
		dark := organisation.Colours{Accent: colour}.DarkAccent()
		if err := organisation.CheckAccent(dark, true); err != nil {
			t.Errorf("%s becomes %s, which %s", colour, dark, err)
		}
	}
	if got := (organisation.Colours{Accent: "#000000", AccentDark: "#ffcc00"}).DarkAccent(); got != "#ffcc00" {
		t.Error(got)
	}
	if got := (organisation.Colours{}).DarkAccent(); got != "" {
		t.Error(got)
	}
}

func TestOn(t *testing.T) {
	t.Parallel()
	for colour, want := range map[string]string{"#1b5fd0": "#ffffff", "#ffcc00": "#0a1220", "": "#ffffff"} {
		if got := organisation.On(colour); got != want {
			t.Errorf("%s: %s", colour, got)
		}
	}
}

func TestSupportLink(t *testing.T) {
	t.Parallel()
	for support, want := range map[string]string{
		"help@example.com":               "mailto:help@example.com",
		"https://help.example.com/a?b=c": "https://help.example.com/a?b=c",
		"http://help.example.com":        "",
		"javascript:alert(1)":            "",
		"https://user@example.com":       "",
		"Service desk, +49 30 1234":      "",
		"":                               "",
	} {
		if got := (organisation.Organisation{Support: support}).SupportLink(); got != want {
			t.Errorf("%q: %q, want %q", support, got, want)
		}
	}
}
