package clients

import (
	"context"
	"errors"
)

// Errors that every store returns for these cases, wrapped or bare.
var (
	// ErrNotFound says that there is no client with this client_id.
	ErrNotFound = errors.New("no such client")
	// ErrExists says that the client_id is taken.
	ErrExists = errors.New("client_id is taken")
)

// Store keeps clients.
type Store interface {
	// Client returns the client with this id, disabled or not, or ErrNotFound.
	Client(ctx context.Context, id string) (Client, error)
	// Clients returns all clients, ordered by id.
	Clients(ctx context.Context) ([]Client, error)
	// CreateClient inserts c, or returns ErrExists.
	CreateClient(ctx context.Context, c Client) error
	// UpdateClient replaces every field of the client with c.ID but CreatedAt,
	// or returns ErrNotFound.
	UpdateClient(ctx context.Context, c Client) error
}
