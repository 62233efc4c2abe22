package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/backup"
	"github.com/approval-relay/approval-relay/keys"
)

// backupCmd copies the store of a running or stopped worker.
type backupCmd struct {
	To    string `required:"" help:"Where the copy goes: a file that does not exist, s3://BUCKET/KEY, or - for the standard output."`
	Store string `help:"Copy this SQLite file, whose worker is stopped, instead of asking a running worker."`

	client
}

// Run makes the copy and verifies it.
func (c *backupCmd) Run(w *world) error {
	place, err := backup.ParsePlace(c.To)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	s, err := place.Save(w.ctx, w.stdout, func(to string) error {
		if c.Store != "" {
			return backup.Copy(w.ctx, c.Store, to)
		}
		return c.download(w.ctx, "/v1/backup", to)
	})
	if err != nil {
		return err
	}
	if c.JSON && c.To != "-" { // else the standard output has the copy
		return printJSON(w.stdout, struct {
			To            string    `json:"to"`
			Orders        int       `json:"orders"`
			Pending       int       `json:"pending"`
			DeadLetters   int       `json:"deadLetters"`
			SchemaVersion int       `json:"schemaVersion"`
			Newest        time.Time `json:"newest,omitzero"`
		}{fmt.Sprint(place), s.Orders, s.Pending, s.DeadLetters, s.Version, s.Newest})
	}
	fmt.Fprintf(w.stderr, "the copy is at %s and sound: %s\n", place, describeSummary(s))
	fmt.Fprintln(w.stderr, "the keys are not in it: keep a copy of them in another place")
	return nil
}

// backupIdle is the longest time that a worker may send nothing: to make the copy of a large store takes minutes.
const backupIdle = 30 * time.Minute

// download writes the answer of the worker to a file and verifies its digest.
func (c *client) download(ctx context.Context, path, to string) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(backupIdle, cancel)
	defer idle.Stop()
	resp, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	hash := sha256.New()
	for err == nil {
		idle.Reset(backupIdle)
		_, err = io.CopyN(io.MultiWriter(f, hash), resp.Body, 1<<20)
	}
	if !errors.Is(err, io.EOF) {
		return errors.Join(fmt.Errorf("read the worker's answer: %w", err), f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(hash.Sum(nil)) + ":"
	if want := resp.Header.Get("Repr-Digest"); want != digest {
		return errors.New("the copy has not the digest that the worker sent: something on the way has changed it")
	}
	return nil
}

// get makes a call with an answer that is not JSON.
func (c *client) get(ctx context.Context, path string) (*http.Response, error) {
	if err := c.connect(); err != nil {
		return nil, err
	}
	token, err := c.readToken()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.URL, "/")+path, nil)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", c.URL, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	httpClient, err := c.client()
	if err != nil {
		return nil, err
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return nil, &statusError{fmt.Errorf("call the worker: %w", err), statusUnavailable}
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
	return nil, &statusError{c.answerError(resp, text), statusOfAnswer(resp.StatusCode)}
}

// describeSummary describes the content of a copy.
func describeSummary(s backup.Summary) string {
	return fmt.Sprintf("%d orders, %d pending approvals, %d dead letters, schema version %d",
		s.Orders, s.Pending, s.DeadLetters, s.Version)
}

// restoreCmd puts a copy in the place of a store.
type restoreCmd struct {
	From     string `arg:"" help:"The copy: a file, s3://BUCKET/KEY, or - for the standard input."`
	To       string `help:"Path of the SQLite file, as store.sqlite has it. It must not exist."`
	Keys     string `default:"approval-relay.keys" help:"The key file that belongs to the copy."`
	SkipKeys bool   `help:"Do not open the orders of the copy with the keys."`
	Check    bool   `help:"Only verify the copy; restore nothing."`
}

// Run verifies the copy, all its orders too, and puts it in its place.
func (c *restoreCmd) Run(w *world) error {
	place, err := backup.ParsePlace(c.From)
	if err != nil {
		return err
	}
	if c.To == "" && !c.Check {
		return errors.New("--to is missing: the path of the SQLite file, or --check to verify the copy only")
	}
	var ring *keys.Ring
	if !c.SkipKeys {
		if ring, err = keys.LoadFile(c.Keys); err != nil {
			return fmt.Errorf("%w; --keys names the key file; "+
				"for keys in another place, use --skip-keys and then store check CONFIG", err)
		}
	}
	return place.Fetch(w.ctx, w.stdin, func(file string) error {
		s, err := backup.Verify(w.ctx, file, ring)
		if err != nil {
			return fmt.Errorf("the copy %s: %w", c.From, err)
		}
		fmt.Fprintf(w.stdout, "the copy is sound: %s\n", describeSummary(s))
		if !s.Newest.IsZero() {
			fmt.Fprintf(w.stdout, "its newest event is of %s\n", s.Newest.UTC().Format(time.RFC3339))
		}
		if c.Check {
			return nil
		}
		if err := backup.Restore(w.ctx, file, c.To, s.Newest); err != nil {
			return fmt.Errorf("restore to %s: %w", c.To, err)
		}
		fmt.Fprintf(w.stdout, "restored to %s\n", c.To)
		fmt.Fprintln(w.stderr, "what happened after the copy is missing: reminders and messages are sent again, approvals that "+
			"were decided are pending again, and workflows that got their answer refuse the next one; "+
			"see \"After a restore\" in docs/upgrade.md")
		return nil
	})
}
