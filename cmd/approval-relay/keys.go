package main

import (
	"fmt"
	"os"
	"time"

	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/webhook"
)

// keysCmd makes and rotates keys: those of the key ring, and those that sign what the worker sends.
type keysCmd struct {
	Make    keysMakeCmd    `cmd:"" help:"Make a new key file; an existing file is never overwritten."`
	Rotate  keysRotateCmd  `cmd:"" help:"Add a new primary key; the old keys stay for reading. Restart the worker afterwards."`
	Prepare keysPrepareCmd `cmd:"" help:"Add a new secondary key, for reading only: all workers know it before any of them writes with it."`
	Promote keysPromoteCmd `cmd:"" help:"Make a key of the file the primary."`
	Seal    keysSealCmd    `cmd:"" help:"Seal a key file with a key of AWS KMS, for keys.kms. The key file itself stays as it is: keep it elsewhere."`
	Signing keysSigningCmd `cmd:"" help:"Make a key for signing_keys: the private key goes to the standard output, the public key beside it to the standard error."`
	Export  keysExportCmd  `cmd:"" help:"Print the public keys that verify receipts."`
	List    keysListCmd    `cmd:"" help:"List the keys' IDs, the primary first."`
}

type keyFile struct {
	File string `arg:"" default:"approval-relay.keys" help:"The key file."`
}

type keysMakeCmd struct{ keyFile }

// Run makes a key file.
func (c *keysMakeCmd) Run(w *world) error {
	ring := keys.NewRing(now())
	if err := ring.CreateFile(c.File); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "made %s with key %s: keep a copy, without it stored tokens cannot be read\n", c.File, ring.PrimaryID())
	return nil
}

type keysRotateCmd struct{ keyFile }

// Run adds a key.
func (c *keysRotateCmd) Run(w *world) error {
	ring, err := keys.LoadFile(c.File)
	if err != nil {
		return err
	}
	ring = ring.Rotate(now())
	if err := ring.SaveFile(c.File); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s: key %s is the primary now, %d key(s) in all; restart the worker\n",
		c.File, ring.PrimaryID(), len(ring.ListKeys()))
	return nil
}

type keysPrepareCmd struct{ keyFile }

// Run adds a secondary key.
func (c *keysPrepareCmd) Run(w *world) error {
	ring, err := keys.LoadFile(c.File)
	if err != nil {
		return err
	}
	ring = ring.AddSecondary(now())
	if err := ring.SaveFile(c.File); err != nil {
		return err
	}
	ids := ring.ListKeys()
	fmt.Fprintf(w.stdout, "%s: key %s is prepared; restart all workers, then promote it\n", c.File, ids[len(ids)-1].ID)
	return nil
}

type keysPromoteCmd struct {
	ID   string `arg:"" help:"The key's ID, as keys list shows it."`
	File string `arg:"" default:"approval-relay.keys" help:"The key file."`
}

// Run makes a key the primary.
func (c *keysPromoteCmd) Run(w *world) error {
	ring, err := keys.LoadFile(c.File)
	if err != nil {
		return err
	}
	if ring, err = ring.Promote(c.ID); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err := ring.SaveFile(c.File); err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s: key %s is the primary now; restart the workers\n", c.File, c.ID)
	return nil
}

type keysSealCmd struct {
	File   string `arg:"" default:"approval-relay.keys" help:"The key file."`
	KMS    string `name:"kms" required:"" help:"The key of KMS: its ARN, ID or alias."`
	To     string `default:"approval-relay.keys.sealed" help:"The sealed file to write; an existing file is overwritten."`
	Region string `help:"The region, for an ID or alias."`
}

// Run seals a key file.
func (c *keysSealCmd) Run(w *world) error {
	ring, err := keys.LoadFile(c.File)
	if err != nil {
		return err
	}
	sealed, err := app.SealKeys(w.ctx, ring, c.KMS, c.Region)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.To, sealed, 0o600); err != nil {
		return fmt.Errorf("write the sealed keys: %w", err)
	}
	fmt.Fprintf(w.stdout, "%s has the keys of %s, sealed with %s\n", c.To, c.File, c.KMS)
	return nil
}

type keysSigningCmd struct{}

// Run makes a key pair for signatures of callbacks and notifications.
func (*keysSigningCmd) Run(w *world) error {
	private, public, err := webhook.NewKeyPair()
	if err != nil {
		return err
	}
	fmt.Fprintln(w.stdout, private.Reveal())
	fmt.Fprintf(w.stderr, "public key, for receivers: %s\n", public)
	return nil
}

type keysListCmd struct{ keyFile }

// Run lists the keys.
func (c *keysListCmd) Run(w *world) error {
	ring, err := keys.LoadFile(c.File)
	if err != nil {
		return err
	}
	for i, k := range ring.ListKeys() {
		role := "old"
		switch {
		case i == 0:
			role = "primary"
		case k.Created.After(ring.ListKeys()[0].Created):
			role = "prepared"
		}
		fmt.Fprintf(w.stdout, "%s  %s  %s\n", k.ID, k.Created.Format(time.RFC3339), role)
	}
	return nil
}

// now is the clock of the commands.
func now() time.Time { return time.Now() }
