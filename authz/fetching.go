package authz

import (
	"context"

	"signet/authz/fetch"
)

// Fetcher gets the documents that clients name. fetch.Client is one, and keeps
// them from naming what is none of their business.
type Fetcher interface {
	// Do fetches, or fails with an error that is for the log alone.
	Do(ctx context.Context, r fetch.Request) (*fetch.Response, error)
}
