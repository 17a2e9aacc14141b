// Package authz makes Signet's protocol decisions: who may have a code or a
// token, what is in it, and what an error says. It is the only room that
// knows fosite, which parses requests and orchestrates the grant handlers;
// everything fosite is known to get wrong is checked here first.
//
// An authorization request:
//
//	web ─► Begin: client, redirect URI, duplicates, PKCE, scope, resource
//	    (a signed request is opened before all but the client: requestobject.go;
//	    claims by name and levels of sign-in: claimsparam.go, acr.go)
//	    ─► Advance ─► Decide (pure) ─► StepLogin   ─► web shows a page,
//	                               ├─► StepFactor
//	                               ├─► StepConsent      comes back to Advance
//	                               └─► StepRespond  ─► one INSERT, the code
//
// A token request:
//
//	Token ─► parseForm ─► fosite: authenticateClient, load the grant, PKCE
//	      ─► person and client still allowed? keys to sign with? a status index?
//	      ─► spend: one conditional UPDATE
//	      ─► fosite: signer.go stamps claims and signs, outside any transaction
//
// What a token says about a person follows the client's policies: claims.go (which
// claims go where), subject.go (under which `sub`, and whether at all). Preview goes
// the same way and stops before anything is signed.
//
// A token that comes back (userinfo, introspect, revoke) goes through
// verifyAccessToken, which checks its type before anything else. AuthorizeAdmin
// does so for the admin API, which web serves; Audit writes down what it changes.
//
// A client proves itself by one of clientMethods: a secret, or an assertion that
// it signed:
//
//	readAssertion ─► whose, it says ─► its jwks, or jwksCache (the guarded fetcher)
//	              ─► signature ─► claims ─► one INSERT: no jti counts twice
//
// What is revoked stands in the database, and in status lists, which resource
// servers keep copies of:
//
//	statusIndexes: a block of indexes, one write ─► one for each access token
//	revoke ─► grant or token, and its indexes, in one transaction
//	StatusList ─► from memory; the database is asked once a second at most
//
// A client that introduces itself:
//
//	Register ─► limits, in memory ─► an invitation? ─► introduce: what it says of
//	itself, over what operators say ─► clients.Registry ─► one transaction that
//	spends the invitation and stores the client
//
// A client_id that is a URL is that of a document, which clientdocument.go has
// fetched, bounded and cached; a person's consent stores the client:
//
//	discover ─► row or cache ─► one guarded fetch ─► apply ─► consent ─► keep
//
// Files bear the name of their endpoint or of their RFC concept. provider.go
// alone builds fosite, storage.go alone speaks its storage interfaces, and
// signer.go alone its token strategies.
package authz
