// Command signet is the server and the operator's tool in one. It reads the
// configuration, wires the rooms, runs and stops; what it decides itself is
// only how it speaks to operators and scripts:
//
//	arguments ─► cobra ─► one command, in the file of its noun
//	                         │
//	config.yaml, SIGNET_… ─► config.Load ─► server.OpenStore, … ─► output.go
//	                                                                │
//	                             a table for people, JSON with --json
//
// Exit codes: 0 done, 1 refused (one line on stderr says why and how to mend
// it), 2 wrong usage. Every command but serve and demo only opens the same
// database as the server, so that they work while it runs.
package main
