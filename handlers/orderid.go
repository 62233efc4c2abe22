package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/identity"
)

// NormalizeOrderID returns an order ID as requests and decisions are stored under it: in Unicode's form NFC, without
// white space around it and invisible characters in it, and with the usual space and hyphen for those that only look
// different in a line break. So two IDs that look the same to people are the same. The IDs ".", ".." and "/" are refused:
// no path of the API can contain them. So are texts such as "undefined", which stand for a missing value.
func NormalizeOrderID(id string) (string, error) {
	normal := cleanOrderID(id)
	if slices.Contains([]string{".", "..", "/"}, normal) {
		return "", approval.InvalidField("order", "is %q, which no path of the API can contain", normal)
	}
	if err := identity.CheckPlaceholder(normal); err != nil {
		return "", approval.InvalidField("order", "%s", err)
	}
	return normal, nil
}

// cleanOrderID returns the normal form of an order ID. It is empty if the ID has nothing that people can see.
func cleanOrderID(id string) string { return identity.Clean(strings.Map(usualCharacter, id)) }

// usualCharacter returns the character that looks the same as r and is on every keyboard, or -1 if r is invisible. Word
// processors and mail programs put such characters into IDs.
func usualCharacter(r rune) rune {
	switch {
	case r == '\u00ad', r == '\u200b', r == '\u2060', r == '\ufeff':
		return -1
	case r == '\u2010', r == '\u2011':
		return '-'
	case unicode.Is(unicode.Zs, r):
		return ' '
	}
	return r
}

// OrderReader is the part of the store that FindOrderID uses.
type OrderReader interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// FindOrderID returns the order ID under which a message is stored. That is its normal form, unless there is an order
// of the exact ID, which an earlier version of the program has stored.
func FindOrderID(ctx context.Context, orders OrderReader, id string) (string, error) {
	normal, err := NormalizeOrderID(id)
	if err != nil || normal == id {
		return normal, err
	}
	_, err = orders.Get(ctx, id)
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return normal, nil
	case err != nil:
		return "", err
	}
	return id, nil
}
