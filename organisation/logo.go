package organisation

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"os"
	"strings"
)

// Bounds of a logo. It is shown 40 pixels high.
const (
	maxLogoBytes = 256 << 10
	maxLogoSide  = 2000
)

// Logo is the picture of a logo.
type Logo struct {
	Type  string // image/png or image/jpeg
	Bytes []byte
}

// ReadLogo reads a logo from a file, or from a URL of the form data:image/png;base64,…. The picture is decoded, so that a
// file that is something else is found at the start. SVG is refused: it is a document that can contain scripts, and mail
// programs do not show it.
func ReadLogo(source string) (*Logo, error) {
	content, err := readSource(source)
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxLogoBytes:
		return nil, fmt.Errorf("has more than %d KiB, the most for a logo", maxLogoBytes>>10)
	case len(content) == 0:
		return nil, errors.New("is empty")
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(content))
	switch {
	case err != nil && bytes.Contains(bytes.ToLower(content[:min(len(content), 1024)]), []byte("<svg")):
		return nil, errors.New("is SVG, which can contain scripts and is not shown in e-mails; use PNG or JPEG")
	case err != nil:
		return nil, errors.New("is not a picture in PNG or JPEG")
	case size.Width > maxLogoSide || size.Height > maxLogoSide:
		return nil, fmt.Errorf("has %d × %d pixels, at most %d × %d are possible", size.Width, size.Height, maxLogoSide, maxLogoSide)
	}
	if _, _, err := image.Decode(bytes.NewReader(content)); err != nil {
		return nil, errors.New("is a damaged picture")
	}
	return &Logo{Type: "image/" + format, Bytes: content}, nil
}

func readSource(source string) ([]byte, error) {
	rest, isData := strings.CutPrefix(source, "data:")
	if !isData {
		return readFile(source)
	}
	kind, encoded, ok := strings.Cut(rest, ";base64,")
	if !ok || (kind != "image/png" && kind != "image/jpeg") {
		return nil, errors.New("is a data URL, which must begin with data:image/png;base64, or data:image/jpeg;base64,")
	}
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("is a data URL, and not valid base64")
	}
	return content, nil
}

// readFile reads no more of a file than shows that it is too large.
func readFile(path string) ([]byte, error) {
	if strings.Contains(path, "://") {
		return nil, errors.New("is an address of another server: pages load nothing from elsewhere; name a file")
	}
	f, err := os.Open(path) //nolint:gosec // the file that the configuration names
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, maxLogoBytes+1))
}

// Name returns the name of the logo in its address. Another picture has another name, so it can be cached for ever.
func (l *Logo) Name() string {
	sum := sha256.Sum256(l.Bytes)
	return "logo-" + hex.EncodeToString(sum[:8]) + "." + strings.TrimPrefix(l.Type, "image/")
}
