// Package backup puts copies of a SQLite store away and back, for the command line: to a file, to an object in S3, or
// through the standard streams. Every copy is verified where it arrives. Keys are never in a copy: whoever has both can
// read the task tokens.
package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/s3"
	"github.com/approval-relay/approval-relay/store/sqlite"
)

// Summary describes the content of a copy.
type Summary = sqlite.Summary

// Copy copies the file of a store that no worker uses.
func Copy(ctx context.Context, from, to string) error { return sqlite.Copy(ctx, from, to) }

// Restore puts a copy in the place of a store. It overwrites nothing.
func Restore(ctx context.Context, from, to string, newest time.Time) error {
	return sqlite.Restore(ctx, from, to, newest)
}

// Standard is the name of the standard output and of the standard input.
const Standard = "-"

// Place is where a copy goes to or comes from.
type Place struct {
	name   string // of a file, or Standard
	object s3.Address
	isS3   bool
	// AWS returns the configuration of the SDK; nil takes that of the environment.
	AWS func(context.Context) (aws.Config, error)
}

// ParsePlace returns the place that a text names: FILE, s3://BUCKET/KEY or -.
func ParsePlace(text string) (Place, error) {
	object, isS3, err := s3.ParseAddress(text)
	switch {
	case err != nil:
		return Place{}, err
	case text == "":
		return Place{}, errors.New("a file, s3://BUCKET/KEY or - is missing")
	case strings.Contains(text, "://") && !isS3:
		return Place{}, errors.New("a copy goes to a file, to s3://BUCKET/KEY or to -")
	}
	return Place{name: text, object: object, isS3: isS3}, nil
}

// String returns the place as a person reads it.
func (p Place) String() string {
	switch {
	case p.isS3:
		return p.object.String()
	case p.name == Standard:
		return "the standard output"
	}
	return p.name
}

func (p Place) config(ctx context.Context) (aws.Config, error) {
	if p.AWS != nil {
		return p.AWS(ctx)
	}
	c, err := awsconfig.LoadDefaultConfig(ctx)
	if err == nil && c.Region == "" {
		err = errors.New("set AWS_REGION to the region of the bucket")
	}
	return c, err
}

// Save writes a verified copy to the place. The file is complete when write returns. An existing file is not
// overwritten.
func (p Place) Save(ctx context.Context, stdout io.Writer, write func(to string) error) (s Summary, err error) {
	isFile := !p.isS3 && p.name != Standard
	if isFile {
		if _, err := os.Lstat(p.name); !errors.Is(err, os.ErrNotExist) {
			return s, fmt.Errorf("%s exists: it is not overwritten", p.name)
		}
	}
	folder, err := p.workFolder(isFile)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	part := filepath.Join(folder, "copy.db")
	if err := write(part); err != nil {
		return s, err
	}
	if s, err = sqlite.Inspect(ctx, part, nil); err != nil {
		return s, fmt.Errorf("the copy is not sound: %w", err)
	}
	if isFile {
		return s, os.Rename(part, p.name)
	}
	return s, p.send(ctx, stdout, part)
}

// workFolder makes a folder for the unfinished copy: beside the file that it will be, or where temporary files are.
func (p Place) workFolder(isFile bool) (string, error) {
	parent := ""
	if isFile {
		parent = filepath.Dir(p.name)
	}
	return os.MkdirTemp(parent, ".approval-relay-backup-")
}

func (p Place) send(ctx context.Context, stdout io.Writer, file string) (err error) {
	f, err := os.Open(file) //nolint:gosec // we made it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if !p.isS3 {
		_, err := io.Copy(stdout, f)
		return err
	}
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c, err := p.config(ctx)
	if err != nil {
		return err
	}
	return s3.Upload(ctx, c, p.object, f, size, hash.Sum(nil))
}

// Fetch calls use with a file that has the copy.
func (p Place) Fetch(ctx context.Context, stdin io.Reader, use func(file string) error) (err error) {
	if !p.isS3 && p.name != Standard {
		return use(p.name)
	}
	folder, err := os.MkdirTemp("", ".approval-relay-restore-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file := filepath.Join(folder, "copy.db")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // we made the folder
	if err != nil {
		return err
	}
	if err := errors.Join(p.receive(ctx, stdin, f), f.Close()); err != nil {
		return err
	}
	return use(file)
}

func (p Place) receive(ctx context.Context, stdin io.Reader, w io.Writer) error {
	if !p.isS3 {
		_, err := io.Copy(w, stdin)
		return err
	}
	c, err := p.config(ctx)
	if err != nil {
		return err
	}
	return s3.Download(ctx, c, p.object, w)
}

// Verify describes the content of a copy. With a key ring, it returns an error if a worker with these keys could not go on with
// the copy: it reads every order, and opens every token.
func Verify(ctx context.Context, file string, ring *keys.Ring) (Summary, error) {
	if ring == nil {
		return sqlite.Inspect(ctx, file, nil)
	}
	s, err := sqlite.Inspect(ctx, file, ring)
	switch missing := missingKeys(s.KeyIDs, ring); {
	case err != nil:
		return s, err
	case s.Unreadable > 0 && len(missing) > 0:
		return s, fmt.Errorf("%d of %d orders cannot be read: the key file lacks the keys %s; take the key file that belongs to "+
			"this copy", s.Unreadable, s.Orders, strings.Join(missing, ", "))
	case s.Unreadable > 0:
		return s, fmt.Errorf("%d of %d orders cannot be read, such as: %w", s.Unreadable, s.Orders, s.FirstFault)
	case len(missing) > 0 && len(missing) == len(s.KeyIDs):
		return s, fmt.Errorf("the key file has none of the keys %s of this copy: take the key file that belongs to it",
			strings.Join(missing, ", "))
	}
	return s, nil
}

// missingKeys returns the keys of a copy that are not in the ring.
func missingKeys(used []string, ring *keys.Ring) []string {
	return slices.DeleteFunc(slices.Clone(used), func(id string) bool {
		return slices.ContainsFunc(ring.ListKeys(), func(k keys.KeyInfo) bool { return k.ID == id })
	})
}
