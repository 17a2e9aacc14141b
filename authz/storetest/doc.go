// Package storetest owns what every store must do: one conformance suite, and
// Memory, a store for tests that passes it.
//
//	authz/store, SQLite ───────┐
//	authz/store, Postgres ─────┼─► Backend ─► Run: round trips, uniqueness, single
//	  the same, by pgbouncer ──┤              use, races, copies, cancelled contexts
//	Memory ────────────────────┘
//
// Postgres and PgBouncer give a test a database of its own, on a server that the
// tests start for themselves.
//
// A store is right when it passes Run whole; none may skip a part of it.
// Times have microseconds: every store cuts off what is finer and answers in
// UTC.
package storetest
