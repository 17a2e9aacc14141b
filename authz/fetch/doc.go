// Package fetch gets documents that strangers name: the keys, metadata, sector
// lists and logos of clients, and the places where they are told of a logout.
// Every outbound request of the server goes through it, so that nobody can have
// the server look around in the network that it stands in.
//
//	URL → no userinfo, no fragment, one reading of its host (CheckURL)
//	    → names resolved, once              (every address is judged)
//	    → a connection to a judged address  (so a name that changes its mind changes nothing)
//	    → the answer as it is: no redirect followed, 5 s, 1 MiB
//
// An operator can allow networks (fetch.allow_networks) and a private CA
// (fetch.extra_ca_file); to an allowed address, and to no other, plain http is
// spoken too.
//
// What a fetch failed of is for the log alone: told to whoever named the URL, it
// would be a map of the network.
package fetch
