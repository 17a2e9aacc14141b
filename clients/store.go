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
	// UpdateClient lets change alter the client with this id and stores what it
	// made of it, but for ID and CreatedAt, which never change. Nobody else
	// changes the client meanwhile, so that of two changes neither undoes the
	// other. It returns ErrNotFound, or the error of change, and then nothing
	// is stored. change may be called again, on a fresh copy, and must not use
	// the store.
	UpdateClient(ctx context.Context, id string, change func(*Client) error) error
	// DeleteClient removes the client with this id and what is kept about it: its
	// last uses, its origins, and what people have consented to; or returns
	// ErrNotFound. Its grants are for the caller to revoke.
	DeleteClient(ctx context.Context, id string) error
}

// Pager reads clients page by page, for those who list a great many.
type Pager interface {
	// ClientsPage returns the first limit clients whose id comes after the one
	// given, ordered by id.
	ClientsPage(ctx context.Context, after string, limit int) ([]Client, error)
	// ClientsOf returns all clients of a source, ordered by id.
	ClientsOf(ctx context.Context, source Source) ([]Client, error)
}
