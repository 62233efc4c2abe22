package main

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/jsonpointer"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/receipt"
	"github.com/approval-relay/approval-relay/untrusted"
)

type receiptCmd struct {
	client
	Order    string `arg:"" help:"The order ID."`
	Approval string `help:"The approval's ID; without it, the order has a single closed approval."`
}

// Run prints the receipt of a closed approval.
func (c *receiptCmd) Run(w *world) error {
	id := c.Approval
	if id == "" {
		var err error
		if id, err = c.onlyClosed(w); err != nil {
			return err
		}
	}
	var out api.ReceiptReply
	if err := c.call(w.ctx, "GET", orderPath(c.Order, "/approvals/"+escape(id)+"/receipt"), nil, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	fmt.Fprintln(w.stdout, out.Receipt)
	return nil
}

// onlyClosed returns the ID of the only closed approval of the order.
func (c *receiptCmd) onlyClosed(w *world) (string, error) {
	var o api.Order
	if err := c.call(w.ctx, "GET", orderPath(c.Order, ""), nil, &o); err != nil {
		return "", err
	}
	var closed []string
	for _, a := range o.Approvals {
		if a.Status != approval.Pending {
			closed = append(closed, a.ApprovalID)
		}
	}
	switch len(closed) {
	case 0:
		return "", errors.New("the order has no closed approval")
	case 1:
		return closed[0], nil
	}
	return "", fmt.Errorf("the order has several closed approvals; name one with --approval: %s", strings.Join(closed, ", "))
}

type verifyCmd struct {
	Receipt  string `arg:"" help:"File with the receipt, with an object that has it, or with a whole answer; - is the standard input."`
	Key      string `required:"" help:"File with the public keys, as a JWK set or PEM; see keys export."`
	Payload  string `help:"File with the payload, as JSON: refused unless it is the one that was decided about."`
	Pointer  string `help:"JSON Pointer to the part of the payload's file that was decided about, as decision.payload of the workflow has it."`
	Approved bool   `help:"Refuse a receipt of an approval that was not approved."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

// verdict is the result of verify, with --json.
type verdict struct {
	Valid          bool            `json:"valid"`
	Error          string          `json:"error,omitempty"`
	KeyID          string          `json:"keyId,omitempty"`
	PayloadMatches *bool           `json:"payloadMatches,omitempty"` // missing without --payload
	Receipt        json.RawMessage `json:"receipt,omitempty"`        // only of a valid receipt
}

// Run verifies a receipt. It calls nobody, and needs neither the configuration nor the keys of the worker.
func (c *verifyCmd) Run(w *world) error {
	out, verified, err := c.verify(w)
	if c.JSON {
		if err != nil {
			out = verdict{Error: err.Error()}
		}
		if printErr := printJSON(w.stdout, out); printErr != nil {
			return printErr
		}
		if err != nil {
			return errReported
		}
		return nil
	}
	if err != nil {
		return err
	}
	return c.print(w.stdout, verified)
}

func (c *verifyCmd) verify(w *world) (verdict, receipt.Verified, error) {
	public, err := readKeys(c.Key)
	if err != nil {
		return verdict{}, receipt.Verified{}, err
	}
	text, err := readInput(w, c.Receipt)
	if err != nil {
		return verdict{}, receipt.Verified{}, err
	}
	verified, err := receipt.Verify(text, public)
	if err != nil {
		return verdict{}, receipt.Verified{}, fmt.Errorf("refused: %w", err)
	}
	out := verdict{Valid: true, KeyID: verified.KeyID, Receipt: verified.Payload}
	if c.Payload != "" {
		if err := c.checkPayload(w, verified.Receipt); err != nil {
			return verdict{}, receipt.Verified{}, fmt.Errorf("refused: %w", err)
		}
		out.PayloadMatches = new(true)
	}
	if status := verified.Receipt.Status; c.Approved && status != string(approval.Approved) {
		return verdict{}, receipt.Verified{}, fmt.Errorf("refused: the approval is not approved, it is %s", status)
	}
	return out, verified, nil
}

func (c *verifyCmd) checkPayload(w *world, r receipt.Receipt) error {
	payload, err := readInput(w, c.Payload)
	if err != nil {
		return err
	}
	part, found := jsonpointer.Find(payload, c.Pointer)
	if !found {
		return fmt.Errorf("the payload has nothing at %q, or is not JSON", c.Pointer)
	}
	return r.CheckPayload(part)
}

// print prints a verified receipt for people.
func (c *verifyCmd) print(out io.Writer, v receipt.Verified) error {
	r := v.Receipt
	payload := "not compared; give --payload before you act on it"
	if c.Payload != "" {
		payload = "is the one that was decided about"
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "the receipt is valid\n")
	for _, line := range [][2]string{
		{"status", r.Status},
		{"choice", r.Choice},
		{"values", valuesText(r.Values)},
		{"decided by", r.DecidedBy},
		{"principal", r.Principal},
		{"via", r.Via},
		{"order", r.Order},
		{"approval", r.Approval},
		{"workflow", r.Workflow},
		{"step", r.Step},
		{"execution", r.Execution},
		{"closed at", r.ClosedAt},
		{"issuer", r.Issuer},
		{"key", v.KeyID},
		{"request digest", r.RequestDigest},
		{"shown digest", r.ShownDigest},
		{"payload", payload},
	} {
		if line[1] != "" {
			fmt.Fprintf(t, "  %s\t%s\n", line[0], untrusted.TerminalLine(line[1]))
		}
	}
	return t.Flush()
}

// valuesText returns values as text, or "" if there are none.
func valuesText(values json.RawMessage) string {
	if string(values) == "{}" {
		return ""
	}
	return string(values)
}

// readKeys reads the public keys in a file. A key file of a worker is refused: it does not belong where receipts are
// verified.
func readKeys(path string) ([]ed25519.PublicKey, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	if _, err := keys.ParseFile(text); err == nil {
		return nil, fmt.Errorf("%s has the secret keys of a worker: give the output of keys export, and keep this file where it was", path)
	}
	public, err := receipt.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return public, nil
}

type keysExportCmd struct {
	keyFile
	Public bool   `default:"true" help:"Export the public keys; there is no other export."`
	Format string `enum:"jwks,pem" default:"jwks" help:"jwks (a JWK set) or pem."`
}

// Run prints the public keys of receipts, that of the primary key first.
func (c *keysExportCmd) Run(w *world) error {
	ring, err := keys.LoadFile(c.File)
	if err != nil {
		return err
	}
	public := ring.PublicKeys(receipt.Purpose)
	text := receipt.MarshalJWKS(public)
	if c.Format == "pem" {
		if text, err = receipt.MarshalPEM(public); err != nil {
			return err
		}
	}
	_, err = w.stdout.Write(text)
	return err
}
