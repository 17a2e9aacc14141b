// Package store owns the one database: its schema, its migrations, its
// queries and its transactions. It implements the storage interfaces of the
// other rooms and decides nothing about the protocol.
//
//	authz.GrantStore ─────┐
//	authz.TokenStore      │            ┌─► one writer     BEGIN IMMEDIATE
//	authz.ConsentStore    │            │
//	clients.Store         ├─► Store ───┤
//	login.PeopleStore     │            │
//	login.SessionStore    │            └─► many readers   read-only
//	login.SetupStore      │
//	keys.Store ───────────┘
//
//	Open ─► the file (0600) ─► made by a newer release? ─► WAL ─► migrate
//
// How it keeps its promises:
//
//   - Single use is one conditional UPDATE and its count of rows, never a read
//     followed by a write.
//   - ChangeKeys alone decides by what it reads: its transaction holds the
//     write lock before it reads, and no other process changes a key between.
//   - A statement that stands alone runs in no explicit transaction. Where
//     several must stand together, inTx puts the transaction into the context
//     and every query takes its handle from there.
//   - Times are kept as microseconds in UTC. What is finer is cut off; the
//     zero time is NULL. Slices come back as they were given, nil or empty.
//   - What cannot be read or written is an error that says so. Only a row that
//     is not there is "not found".
//
// A store must pass the suite of authz/storetest whole.
package store
