package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"strconv"

	"signet/authz"
)

// adminSchemas are the schemas of everything that is sent and taken, by name.
func adminSchemas() map[string]schema {
	client, newClient, clientChange := clientSchemas()
	person := schemaOf(reflect.TypeFor[personInput]())
	delete(person, "required")
	newPerson := maps.Clone(person)
	newPerson["required"] = []string{"username"}
	s := map[string]schema{
		"OpenAPI": {"type": "object", "required": []string{"openapi", "paths"}},
		"Problem": schemaOf(reflect.TypeFor[apiProblem]()),

		"Client": client, "NewClient": newClient, "ClientChange": clientChange,
		"SecretRotation": object("", schema{
			"overlap":       schema{"type": "integer", "minimum": 0, "default": defaultOverlap, "description": "for how many seconds the old secret still works; 0 ends it at once"},
			"client_secret": typed("string", "a secret to bring along; left out, one is made"),
		}),
		"Person": schemaOf(reflect.TypeFor[personView]()), "NewPerson": newPerson, "PersonChange": person.nullable(),
		"Grant": schemaOf(reflect.TypeFor[grantView]()), "Session": schemaOf(reflect.TypeFor[sessionView]()),
		"Ended": schemaOf(reflect.TypeFor[endedView]()),
		"Key":   schemaOf(reflect.TypeFor[SigningKey]()), "RevokedKey": schemaOf(reflect.TypeFor[RevokedKey]()),
		"KeyList": object("", schema{"items": listOf(ref("Key"))}, "items"),
		"KeyRotation": object("", schema{
			"alg": typed("string", "only the keys of this algorithm; left out, of all that are in use"),
			"now": typed("boolean", "true has the next key sign at once, without announcing it first"),
		}),
		"KeyRevocation": object("", schema{"reason": typed("string", "why, for those who read the log and the list of keys")}, "reason"),
	}
	for _, of := range []string{"Client", "Person", "Grant", "Session"} {
		s[of+"Page"] = object("", schema{
			"items":       listOf(ref(of)),
			"next_cursor": typed("string", "the cursor of the next page; not there on the last"),
		}, "items")
	}
	return s
}

// showOpenAPI sends the document. It says nothing about this server that the
// source does not, so it needs no token.
func (a *admin) showOpenAPI(in *call) error {
	return in.Blob(http.StatusOK, "application/json", a.openapi)
}

// marshalOpenAPI makes the document (OpenAPI 3.1) of the operations.
func (a *admin) marshalOpenAPI() ([]byte, error) {
	paths := map[string]map[string]any{}
	for _, op := range adminOperations() {
		if paths[op.path] == nil {
			paths[op.path] = map[string]any{}
		}
		method := map[string]string{http.MethodGet: "get", http.MethodPost: "post", http.MethodPatch: "patch", http.MethodDelete: "delete"}[op.method]
		paths[op.path][method] = op.describe()
	}
	return json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "Signet admin API", "version": "1",
			"description": "Clients, people, grants, sessions and signing keys. Access tokens are for the resource " + a.issuer + authz.AdminPath +
				", with the scope " + authz.ScopeAdminRead + " to look and " + authz.ScopeAdminWrite + " to change.",
		},
		"servers": []any{map[string]any{"url": a.prefix}},
		"paths":   paths,
		"components": map[string]any{
			"schemas": a.schemas,
			"securitySchemes": map[string]any{"token": map[string]any{"type": "oauth2", "flows": map[string]any{"clientCredentials": map[string]any{
				"tokenUrl": a.issuer + "/oauth2/token",
				"scopes":   map[string]string{authz.ScopeAdminRead: "look", authz.ScopeAdminWrite: "change"},
			}}}},
		},
	}, "", " ")
}

var inBraces = regexp.MustCompile(`\{([a-z_]+)\}`)

// describe is the operation as OpenAPI has it.
func (op operation) describe() map[string]any {
	out := map[string]any{"operationId": op.id, "tags": []string{op.tag}, "summary": op.summary, "security": []any{map[string][]string{"token": {op.scope()}}}}
	if op.open {
		out["security"] = []any{}
	}
	var parameters []any
	for _, m := range inBraces.FindAllStringSubmatch(op.path, -1) {
		parameters = append(parameters, map[string]any{"name": m[1], "in": "path", "required": true, "schema": typed("string", ""),
			"description": "the id; one that would need escapes in a path is written as ~ and its base64url"})
	}
	for _, p := range op.parameters() {
		parameters = append(parameters, map[string]any{"name": p.name, "in": "query", "schema": p.schema, "description": p.help})
	}
	if parameters != nil {
		out["parameters"] = parameters
	}
	if op.body != "" {
		content := map[string]any{}
		for _, kind := range op.mediaTypes() {
			content[kind] = map[string]any{"schema": ref(op.body)}
		}
		out["requestBody"] = map[string]any{"required": !op.bodyOptional, "content": content}
	}
	good := map[string]any{"description": http.StatusText(op.status)}
	if op.answer != "" {
		good["content"] = map[string]any{"application/json": map[string]any{"schema": ref(op.answer)}}
	}
	bad := map[string]any{"description": "A problem (RFC 9457)", "content": map[string]any{"application/problem+json": map[string]any{"schema": ref("Problem")}}}
	out["responses"] = map[string]any{strconv.Itoa(op.status): good, "default": bad}
	return out
}
