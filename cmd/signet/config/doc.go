// Package config owns what an operator can set: the keys of config.yaml, their
// defaults, and the SIGNET_ environment variables that override them. It reads
// strictly. A key it does not know, a value that cannot work, a file that is
// not there: each is a Fault with its file and line (or the variable), the
// key's full path and what to write instead, and all of them come together.
//
//	config.yaml ─► decode ─┐
//	                       ├─► resolve paths ─► validate ─► Config
//	SIGNET_…    ─► environ ┘                        │
//	                                                └─► Faults, in line order
//
// Only this package reads configuration files and the environment; the rooms
// get their own small Config structs from what is here.
package config
