package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/authz"
)

// operation is one thing that the admin API does. The routes and the OpenAPI
// document are both made of this.
type operation struct {
	// method and path, below the prefix, with its parameters in braces.
	method, path string
	// id, tag and summary are for the document, and for the code that is
	// generated from it.
	id, tag, summary string
	// query are the parameters it takes, and paged adds those of a list.
	query []parameter
	paged bool
	// body is the schema of what it takes, "" for nothing. patch says that it is
	// a merge patch, bodyOptional that it can be left out.
	body                string
	patch, bodyOptional bool
	// status and answer, the name of a schema, are what it gives back.
	status int
	answer string
	// open operations need no token.
	open   bool
	handle func(*admin, *call) error
}

// adminOperations is the table of contents of the admin API.
func adminOperations() []operation {
	const ok, made, none = http.StatusOK, http.StatusCreated, http.StatusNoContent
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []operation{
		{method: get, path: "/openapi.json", id: "getOpenAPI", tag: "document", summary: "This document", status: ok, answer: "OpenAPI", open: true, handle: (*admin).showOpenAPI},

		{method: get, path: "/clients", id: "listClients", tag: "clients", summary: "List the clients, ordered by client_id", paged: true, status: ok, answer: "ClientPage", handle: (*admin).listClients},
		{method: post, path: "/clients", id: "createClient", tag: "clients", summary: "Register a client; its secret is told this once", body: "NewClient", status: made, answer: "Client", handle: (*admin).createClient},
		{method: get, path: "/clients/{client_id}", id: "getClient", tag: "clients", summary: "Show a client", status: ok, answer: "Client", handle: (*admin).showClient},
		{method: patch, path: "/clients/{client_id}", id: "updateClient", tag: "clients", summary: "Change fields of a client, and leave the others alone", body: "ClientChange", patch: true, status: ok, answer: "Client", handle: (*admin).updateClient},
		{method: del, path: "/clients/{client_id}", id: "deleteClient", tag: "clients", summary: "Revoke the grants of a client and delete it", status: none, handle: (*admin).deleteClient},
		{method: post, path: "/clients/{client_id}/secret", id: "rotateClientSecret", tag: "clients", summary: "Give a client a new secret; the old one works for the overlap", body: "SecretRotation", bodyOptional: true, status: ok, answer: "Client", handle: (*admin).rotateSecret},

		{method: get, path: "/people", id: "listPeople", tag: "people", summary: "List the people, ordered by sub", query: []parameter{byLogin}, paged: true, status: ok, answer: "PersonPage", handle: (*admin).listPeople},
		{method: post, path: "/people", id: "createPerson", tag: "people", summary: "Add a person", body: "NewPerson", status: made, answer: "Person", handle: (*admin).createPerson},
		{method: get, path: "/people/{sub}", id: "getPerson", tag: "people", summary: "Show a person", status: ok, answer: "Person", handle: (*admin).showPerson},
		{method: patch, path: "/people/{sub}", id: "updatePerson", tag: "people", summary: "Change fields of a person; disabled ends their sessions and grants", body: "PersonChange", patch: true, status: ok, answer: "Person", handle: (*admin).updatePerson},
		{method: del, path: "/people/{sub}/sessions", id: "endPersonSessions", tag: "people", summary: "Sign a person out everywhere", status: ok, answer: "Ended", handle: (*admin).endPersonSessions},

		{method: get, path: "/grants", id: "listGrants", tag: "grants", summary: "List what people allowed clients, ordered by grant_id", query: []parameter{byClient, bySubject, bySession, byLife}, paged: true, status: ok, answer: "GrantPage", handle: (*admin).listGrants},
		{method: get, path: "/grants/{grant_id}", id: "getGrant", tag: "grants", summary: "Show a grant", status: ok, answer: "Grant", handle: (*admin).showGrant},
		{method: del, path: "/grants/{grant_id}", id: "revokeGrant", tag: "grants", summary: "Revoke a grant and every token that came of it", status: none, handle: (*admin).revokeGrant},

		{method: get, path: "/sessions", id: "listSessions", tag: "sessions", summary: "List the sign-ins, ordered by sid", query: []parameter{bySubject, byLife}, paged: true, status: ok, answer: "SessionPage", handle: (*admin).listSessions},
		{method: del, path: "/sessions/{sid}", id: "endSession", tag: "sessions", summary: "End a sign-in", status: none, handle: (*admin).endSession},

		{method: get, path: "/keys", id: "listKeys", tag: "keys", summary: "List the signing keys: what is public of them, and when they sign", status: ok, answer: "KeyList", handle: (*admin).listKeys},
		{method: post, path: "/keys/rotate", id: "rotateKeys", tag: "keys", summary: "Make the next key now instead of at its time", body: "KeyRotation", bodyOptional: true, status: ok, answer: "KeyList", handle: (*admin).rotateKeys},
		{method: post, path: "/keys/{kid}/revoke", id: "revokeKey", tag: "keys", summary: "Take a key out at once, because somebody else may know it", body: "KeyRevocation", status: ok, answer: "RevokedKey", handle: (*admin).revokeKey},
	}
}

// mountAdmin adds the operations to the routes.
func (s *server) mountAdmin(e *echo.Echo) {
	if s.admin == nil {
		return
	}
	for _, op := range adminOperations() {
		e.Add(op.method, s.admin.prefix+op.route(), s.admin.serve(op))
	}
}

// route is the path as echo writes it.
func (op operation) route() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(op.path)
}

// scope is what a token must have.
func (op operation) scope() string {
	if op.method == http.MethodGet {
		return authz.ScopeAdminRead
	}
	return authz.ScopeAdminWrite
}

// mediaTypes are those that a body may have.
func (op operation) mediaTypes() []string {
	if op.patch {
		return []string{"application/merge-patch+json", "application/json"}
	}
	return []string{"application/json"}
}

// parameters are all that the query may hold.
func (op operation) parameters() []parameter {
	if op.paged {
		return append(slices.Clone(op.query), pageLimit, pageCursor)
	}
	return op.query
}
