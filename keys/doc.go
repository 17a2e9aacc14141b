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
// What flows where:
//
//	Store ──records──► reload ──unseal──► deck ──clock──► snapshot (atomic)
//	  ▲                                                    │    │     │
//	  └── seal ◄── generate ◄── Rotate, Run (when due)   Sign Verify JWKS
//
// A deck is all that the store held at one reading; a snapshot is that deck at
// one stretch of time between two changes of state. The signer, the keys that
// Verify accepts and the bytes of the JWKS come from the same snapshot, and a
// call that finds the snapshot's stretch over replaces it first, without any
// reading of the store. So they cannot disagree, and a key takes over, and
// leaves the JWKS, at its time to the instant, however seldom the store is read.
//
// # Never without a signer
//
// The newest key signs until its successor is active. When no node ran, or the
// store could not be reached, and so no successor was announced in time, the
// newest key stays active past its RetiredAt and stays published. Once the
// store can be read, the successor is made at once; it is announced first, for
// the whole of AnnounceFor, and its insertion moves the RetiredAt of the key
// before it to the instant it takes over. A key signing some time too long
// harms nobody; a gap, or a key that verifiers have not seen, breaks every
// relying party.
package keys
