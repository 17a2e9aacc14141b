// Package store owns the one database: its schema, its migrations, its
// queries and its transactions. It implements the storage interfaces of the
// other rooms and decides nothing about the protocol.
//
//	authz.GrantStore ─────┐
//	authz.TokenStore      │            ┌─► sqlite.go    one writer (BEGIN IMMEDIATE)
//	authz.StatusStore     │            │                and many readers, read-only
//	authz.AssertionStore  │            │
//	authz.ConsentStore    │            │
//	authz.OriginStore     │            │
//	clients.Store, Pager  ├─► Store ───┤
//	authz.InvitationStore │            │
//	authz.DynamicClients  │            │
//	login.PeopleStore     │            │
//	login.SessionStore,   │            │
//	login.Directory       │            └─► postgres.go  one pool, READ COMMITTED,
//	login.SetupStore      │                             nothing kept in a session
//	keys.Store ───────────┘
//
//	Open ─► the file (0600), or the server ─► another program's, or made by a
//	newer release? ─► migrate: alone, and SQLite after a copy of it
//
// Models and queries are the same on both. What differs is in a backend: how
// connections are made, what a lock is, and which errors are another's doing.
//
// How it keeps its promises:
//
//   - Single use is one conditional UPDATE or INSERT and its count of rows, never a read
//     followed by a write.
//   - Where a transaction decides by what it reads, as ChangeKeys, UpdateClient
//     and UpdatePerson do, it holds the lock before it reads (lockTable, forUpdate):
//     no other process comes between.
//   - A statement that stands alone runs in no explicit transaction. Where
//     several must stand together, inTx puts the transaction into the context
//     and every query takes its handle from there. One that Postgres gives up
//     for the sake of another runs again.
//   - Times are kept as microseconds in UTC. What is finer is cut off; the
//     zero time is NULL. Slices come back as they were given, nil or empty.
//   - What cannot be read or written is an error that says so. Only a row that
//     is not there is "not found".
//
// A store must pass the suite of authz/storetest whole.
package store
