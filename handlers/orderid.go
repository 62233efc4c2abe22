package handlers

import (
	"context"
	"errors"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/identity"
)

// NormalizeOrderID returns an order ID as requests and decisions are stored under it: in Unicode's form NFC, without
// white space around it. So two IDs that look the same to people are the same. The IDs ".", ".." and "/" are refused:
// no path of the API can contain them. So are texts such as "undefined", which stand for a missing value.
func NormalizeOrderID(id string) (string, error) {
	normal := identity.Clean(id)
	if slices.Contains([]string{".", "..", "/"}, normal) {
		return "", approval.InvalidField("order", "is %q, which no path of the API can contain", normal)
	}
	if err := identity.CheckPlaceholder(normal); err != nil {
		return "", approval.InvalidField("order", "%s", err)
	}
	return normal, nil
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
