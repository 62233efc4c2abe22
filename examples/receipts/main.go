// Command receipts refuses to go on unless the payload was approved: go run . answer.json keys.json payload.json
package main

import (
	"errors"
	"log"
	"os"

	"github.com/approval-relay/approval-relay/receipt"
)

func main() {
	answer, errAnswer := os.ReadFile(os.Args[1])
	trusted, errTrusted := os.ReadFile(os.Args[2])
	payload, errPayload := os.ReadFile(os.Args[3])
	keys, errKeys := receipt.ParseKeys(trusted)
	if err := errors.Join(errAnswer, errTrusted, errPayload, errKeys); err != nil {
		log.Fatalf("refused: %s", err)
	}
	verified, err := receipt.Verify(answer, keys)
	if err == nil {
		err = verified.Receipt.CheckPayload(payload)
	}
	if r := verified.Receipt; err != nil || r.Status != "approved" {
		log.Fatalf("refused: status %q, error %v", r.Status, err)
	}
	log.Printf("order %s: %s with %s", verified.Receipt.Order, verified.Receipt.Choice, verified.Receipt.Values)
}
