package authz

import (
	"context"

	"signet/authz/fetch"
)

// Fetcher gets a document that a stranger named. *fetch.Client is one.
type Fetcher interface {
	Do(ctx context.Context, r fetch.Request) (*fetch.Response, error)
}
