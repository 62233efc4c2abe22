package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var createdAt = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestOpenAfterSealAndRotate(t *testing.T) {
	t.Parallel()
	old := NewRing(createdAt)
	sealed, err := old.Seal([]byte("secret"), "order", "approval")
	if err != nil {
		t.Fatal(err)
	}
	rotated := old.Rotate(createdAt.Add(time.Hour))
	for name, ring := range map[string]*Ring{"same": old, "rotated": rotated} {
		got, err := ring.Open(sealed, "order", "approval")
		if err != nil || string(got) != "secret" {
			t.Errorf("%s ring: %q, %v", name, got, err)
		}
	}
	if _, err := NewRing(createdAt).Open(sealed, "order", "approval"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another ring: %v, want ErrUnknownKey", err)
	}
	newer, _ := rotated.Seal([]byte("secret"), "a")
	if _, err := old.Open(newer, "a"); !errors.Is(err, ErrUnknownKey) {
		t.Error("a rotated ring still seals with the old key")
	}
}

func TestSealIsBoundToItsAssociatedData(t *testing.T) {
	t.Parallel()
	ring := NewRing(createdAt)
	sealed, _ := ring.Seal([]byte("secret"), "ab", "c")
	for _, other := range [][]string{{"a", "bc"}, {"ab"}, {"ab", "c", ""}, {"abc"}, nil} {
		if _, err := ring.Open(sealed, other...); !errors.Is(err, ErrCorrupt) {
			t.Errorf("opened with %q: %v", other, err)
		}
	}
}

func TestOpenRefusesEveryChangedByte(t *testing.T) {
	t.Parallel()
	ring := NewRing(createdAt)
	sealed, _ := ring.Seal([]byte("secret"), "x")
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := ring.Open(bad, "x"); err == nil {
			t.Errorf("byte %d may be changed", i)
		}
		if _, err := ring.Open(sealed[:i], "x"); err == nil {
			t.Errorf("may be cut to %d bytes", i)
		}
	}
}

// A process that has a key only as a secondary key opens and verifies the output of a process that has promoted it.
func TestPromote(t *testing.T) {
	t.Parallel()
	old := NewRing(createdAt).AddSecondary(createdAt.Add(time.Hour))
	id := old.ListKeys()[1].ID
	promoted, err := old.Promote(id)
	if err != nil || promoted.PrimaryID() != id || old.PrimaryID() == id {
		t.Fatalf("promoted %v, from %v: %v", promoted.ListKeys(), old.ListKeys(), err)
	}
	for from, to := range map[*Ring]*Ring{old: promoted, promoted: old} {
		sealed, _ := from.Seal([]byte("secret"))
		if opened, err := to.Open(sealed); err != nil || string(opened) != "secret" {
			t.Errorf("%q, %v", opened, err)
		}
		id, mac := from.MAC("link", []byte("message"))
		if err := to.VerifyMAC("link", id, []byte("message"), mac); err != nil {
			t.Error(err)
		}
	}
	if _, err := old.Promote("00000000"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestMAC(t *testing.T) {
	t.Parallel()
	ring := NewRing(createdAt)
	id, mac := ring.MAC("link", []byte("message"))
	after := ring.Rotate(createdAt)
	if err := after.VerifyMAC("link", id, []byte("message"), mac); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	if err := ring.VerifyMAC("form", id, []byte("message"), mac); !errors.Is(err, ErrCorrupt) {
		t.Errorf("for another purpose: %v", err)
	}
	if err := ring.VerifyMAC("link", id, []byte("Message"), mac); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another message: %v", err)
	}
	if err := ring.VerifyMAC("link", "00000000", []byte("message"), mac); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	ring := NewRing(createdAt)
	if err := ring.CreateFile(path); err != nil {
		t.Fatal(err)
	}
	if err := ring.CreateFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created twice: %v, want fs.ErrExist", err)
	}
	sealed, _ := ring.Seal([]byte("secret"))
	if err := ring.Rotate(createdAt).SaveFile(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loaded.Open(sealed); err != nil || string(got) != "secret" {
		t.Errorf("after save and load: %q, %v", got, err)
	}
	if n := len(loaded.ListKeys()); n != 2 || loaded.PrimaryID() == ring.PrimaryID() {
		t.Errorf("%d keys, primary %s", n, loaded.PrimaryID())
	}
	for _, mode := range []os.FileMode{0o604, 0o602, 0o601, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadFile(path); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%04o", mode)) {
			t.Errorf("a file that all users can read, write or execute (%04o): %v", mode, err)
		}
	}
}

func TestParseNamesTheLine(t *testing.T) {
	t.Parallel()
	good := NewRing(createdAt).FileText()
	key := strings.Fields(strings.Split(string(good), "\n")[1])[2]
	for name, text := range map[string]string{
		"line 1":   "keys\n",
		"line 2":   fileHeader + "\n0123abcd 2026-01-31T12:00:00Z\n",
		"no key":   fileHeader + "\n# comment\n",
		"8 hex":    fileHeader + "\n0123ABCD 2026-01-31T12:00:00Z " + key,
		"RFC 3339": fileHeader + "\n0123abcd yesterday " + key,
		"32 bytes": fileHeader + "\n0123abcd 2026-01-31T12:00:00Z " + key[4:],
		"used twi": fileHeader + "\n0123abcd 2026-01-31T12:00:00Z " + key + "\n0123abcd 2026-01-31T12:00:00Z " + key,
	} {
		_, err := ParseFile([]byte(text))
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		} else if strings.Contains(err.Error(), key) {
			t.Errorf("%q: the error contains the key", name)
		}
	}
}

func TestRingCannotBePrinted(t *testing.T) {
	t.Parallel()
	ring := NewRing(createdAt)
	key := encodeMaster(ring.keys()[0].master)
	nested := struct{ R *Ring }{ring}
	b, _ := json.Marshal(nested)
	text := fmt.Sprintf("%v %+v %#v %s %d %x %q", ring, ring, ring, ring, ring, ring, ring) + string(b)
	if strings.Contains(text, key) || strings.Contains(text, fmt.Sprint(ring.keys()[0].master)) {
		t.Errorf("the key is in %s", text)
	}
}

func FuzzOpen(f *testing.F) {
	ring := NewRing(createdAt)
	sealed, _ := ring.Seal([]byte("secret"), "x")
	f.Add(sealed)
	f.Add([]byte{sealVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := ring.Open(b, "x"); err == nil && !bytes.Equal(b, sealed) {
			t.Error("opened a text that was not sealed")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(NewRing(createdAt).FileText())
	f.Fuzz(func(t *testing.T, b []byte) {
		ring, err := ParseFile(b)
		if err != nil {
			return
		}
		if _, err := ParseFile(ring.FileText()); err != nil {
			t.Errorf("the text of a parsed ring cannot be parsed: %v", err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	ring := NewRing(createdAt)
	token := make([]byte, 700)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Seal(token, "order", "approval"); err != nil {
			b.Fatal(err)
		}
	}
}
