package keys

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// fileHeader is the first line of a key file.
const fileHeader = "approval-relay keys 1"

var keyIDPattern = regexp.MustCompile(`^[0-9a-f]{8}$`)

// ParseFile reads the text of a key file: the line "approval-relay keys 1", then a line for each key, the primary
// first, with its ID, its creation time (RFC 3339) and 32 bytes in base64. Blank lines and lines that begin with # are
// skipped. Errors name the line and never contain a key.
func ParseFile(text []byte) (*Ring, error) {
	var list []*key
	lines := bufio.NewScanner(bytes.NewReader(text))
	headerSeen := false
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !headerSeen && line != fileHeader:
			return nil, fmt.Errorf("line %d: not a key file: it must begin with %q", n, fileHeader)
		case !headerSeen:
			headerSeen = true
		default:
			k, err := parseKey(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			if findIn(list, k.id) != nil {
				return nil, fmt.Errorf("line %d: the ID of key %s is used twice", n, k.id)
			}
			list = append(list, k)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	if len(list) == 0 {
		return nil, errors.New("the file has no key")
	}
	return ringOf(list...), nil
}

// ParseText reads the text of a key file that comes in another way than a file. The text may also be in base64, because an
// environment variable often has a single line.
func ParseText(text []byte) (*Ring, error) {
	trimmed := bytes.TrimSpace(text)
	if decoded, err := base64.StdEncoding.DecodeString(string(trimmed)); err == nil && len(decoded) > 0 {
		trimmed = decoded
	}
	return ParseFile(trimmed)
}

func parseKey(line string) (*key, error) {
	parts := strings.Fields(line)
	if len(parts) != 3 {
		return nil, errors.New("a key has three fields: ID, time, 32 bytes in base64")
	}
	if !keyIDPattern.MatchString(parts[0]) {
		return nil, errors.New("a key's ID is 8 hex digits")
	}
	created, err := time.Parse(time.RFC3339, parts[1])
	if err != nil {
		return nil, errors.New("a key's time is RFC 3339, such as 2026-01-31T12:00:00Z")
	}
	master, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(master) != masterSize {
		return nil, fmt.Errorf("a key is %d bytes in base64", masterSize)
	}
	return newKey(parts[0], created, master), nil
}

// FileText returns the text of the ring's key file. It has the keys themselves.
func (r *Ring) FileText() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, fileHeader)
	for _, k := range r.keys() {
		fmt.Fprintln(&b, k.id, k.created.Format(time.RFC3339), encodeMaster(k.master))
	}
	return b.Bytes()
}

// LoadFile reads a key file. Only its owner and its group may have read permission; Kubernetes mounts secrets with read
// permission for the group.
func LoadFile(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		mode := info.Mode().Perm()
		return nil, fmt.Errorf("load keys: %s is readable by all users (mode %04o): change its mode to 600", path, mode)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("load keys: %w", err)
	}
	ring, err := ParseFile(text)
	if err != nil {
		return nil, fmt.Errorf("load keys from %s: %w", path, err)
	}
	return ring, nil
}

// CreateFile writes a new key file. It fails with fs.ErrExist if the file exists, so that keys are never overwritten.
func (r *Ring) CreateFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create keys: %s exists already: %w", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	return writeSync(f, r.FileText())
}

// SaveFile replaces a key file. The old file remains until the new file is durable.
func (r *Ring) SaveFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save keys: %w", err)
	}
	if err := writeSync(f, r.FileText()); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("save keys: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func writeSync(f *os.File, text []byte) error {
	_, err := f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator names the file in it
	if err != nil {
		return fmt.Errorf("save keys: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
