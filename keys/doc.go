// Package keys owns Signet's signing keys: it makes them, seals them at rest,
// moves them through their schedule, signs with the one whose turn it is and
// publishes all that a verifier may need. It is the only package that speaks
// JOSE (go-jose v4), and it knows neither tokens nor HTTP.
//
// A key lives through four times, and its state is a function of them and the
// clock, so every node computes the same state from the same rows:
//
//	AnnouncedAt        ActiveAt          RetiredAt           RemovedAt
//	─────┼──announced─────┼─────active───────┼─────retired───────┼──removed──►
//	     └────────────── published in the JWKS ──────────────────┘
//	                      └─ AnnouncedAt, ActiveAt = RetiredAt of the next ─►
//
// Each algorithm has a row of keys of its own. A Schedule is the pace of all: how
// long a key signs, and, derived from how long verifiers may cache the JWKS and
// how long tokens live, for how long it is published before and after.
//
// What flows where:
//
//	Store ──records──► reload ──unseal──► deck ──clock──► snapshot (atomic)
//	  ▲                                                    │    │     │
//	  │                                                  Sign Verify JWKS
//	  └── ChangeKeys ◄── plan ◄── Run (when due), Rotate, Revoke, Import
//	                      └── a new key from the Backend, sealed, if one is needed
//
// A deck is all that the store held at one reading; a snapshot is that deck at
// one stretch of time between two changes of state. The signers, the keys that
// Verify accepts and the bytes of the JWKS come from the same snapshot, and a
// call that finds the snapshot's stretch over replaces it first, without any
// reading of the store. So they cannot disagree, and a key takes over, and
// leaves the JWKS, at its time to the instant, however seldom the store is read.
//
// A plan decides what changes, from the records alone and within a transaction,
// so that any number of nodes can do the same thing at once: one makes the key,
// the others find it made.
//
// # Never without a signer, never with the wrong one
//
// The newest key signs until its successor is active. When no node ran, and so
// no successor was announced in time, the newest key stays active past its
// RetiredAt and stays published. Its successor is made at once; it is announced
// first, for the whole of AnnounceFor, and takes over then. A key signing some
// time too long harms nobody; a gap, or a key that verifiers have not seen,
// breaks every relying party.
//
// A node that cannot read the store goes on with the keys it knows. Once the
// newest of them has reached its RetiredAt, another node may have put one in its
// place that this node does not know: it signs no more, and Ready says so.
//
// # Emergencies
//
// Revoke takes a key out at once, whatever its state. Rotate with Now has the next
// key sign at once. Both can meet verifiers that hold an older JWKS; nothing else
// in this package can.
package keys
