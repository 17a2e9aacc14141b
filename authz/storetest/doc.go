// Package storetest owns what every store must do: one conformance suite, and
// Memory, a store for tests that passes it.
//
//	authz/store (SQLite) ─┐
//	                      ├─► Backend ─► Run: round trips, uniqueness, single use,
//	Memory ───────────────┘              races, copies, cancelled contexts
//
// A store is right when it passes Run whole; none may skip a part of it.
// Times have microseconds: every store cuts off what is finer and answers in
// UTC.
package storetest
