package web

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
	"signet/clients"
)

// Admin is what the admin API works on.
type Admin struct {
	Registry ClientRegistry
	Clients  ClientRows
	People   PeopleChanger
	Rows     PeopleRows
	Keys     KeyKeeper
	// Nearest is the name that was probably meant by got, or "".
	Nearest func(got string, names []string) string
}

// ClientRegistry registers clients and changes them. *clients.Registry is one.
type ClientRegistry interface {
	Create(ctx context.Context, c clients.Client, given *string) (clients.Registered, error)
	Update(ctx context.Context, id string, given *string, change func(*clients.Client) error) (clients.Registered, error)
	RotateSecret(ctx context.Context, id string, given *string, overlap time.Duration) (clients.Registered, error)
}

// ClientRows reads and deletes clients, as clients.Store and clients.Pager say.
type ClientRows interface {
	clients.Pager
	Client(ctx context.Context, id string) (clients.Client, error)
	DeleteClient(ctx context.Context, id string) error
}

// PeopleChanger adds people and changes them. *login.Service is one.
type PeopleChanger interface {
	CreatePerson(ctx context.Context, p login.NewPerson) (login.Person, error)
	UpdatePerson(ctx context.Context, id string, change func(*login.Person) error) (login.Person, error)
	HashPassword(ctx context.Context, password string) (string, error)
}

// PeopleRows finds people and sessions, as login.PeopleStore and
// login.SessionStore say.
type PeopleRows interface {
	login.Directory
	Person(ctx context.Context, id string) (login.Person, error)
	PersonByLogin(ctx context.Context, key string) (login.Person, error)
	EndSession(ctx context.Context, id string, at time.Time) error
	EndSessions(ctx context.Context, f login.SessionFilter, at time.Time) ([]login.Session, error)
}

// adminCore is what the admin API needs of *authz.Provider.
type adminCore interface {
	AuthorizeAdmin(r *http.Request, scope string) (authz.Actor, error)
	FindGrants(ctx context.Context, f authz.GrantFilter, after string, limit int) ([]authz.Grant, error)
	RevokeGrants(ctx context.Context, f authz.GrantFilter, reason string) (int, error)
	Audit(ctx context.Context, what, event string, attrs ...slog.Attr)
	SessionEnded(ctx context.Context, s login.Session)
	SessionsEnded(ctx context.Context, subject string)
}

// admin serves the admin API.
type admin struct {
	Admin
	core   adminCore
	now    func() time.Time
	issuer string
	// prefix is the path that all of it is below.
	prefix string
	// cursorKey authenticates cursors.
	cursorKey []byte
	schemas   map[string]schema
	openapi   []byte
}

func newAdmin(s *server, core adminCore) (*admin, error) {
	a := &admin{Admin: *s.cfg.Admin, core: core, now: s.cfg.Now, issuer: s.issuer, prefix: s.base + authz.AdminPath, schemas: adminSchemas()}
	var err error
	if a.cursorKey, err = hkdf.Key(sha256.New, s.cfg.CookieKey, nil, "signet web admin cursor", 32); err != nil {
		return nil, err
	}
	a.openapi, err = a.marshalOpenAPI()
	return a, err
}

// call is one request to one operation.
type call struct {
	echo.Context
	op operation
	// query holds the parameters, each at most once; doc the members of the body.
	query url.Values
	doc   document
}

func (in *call) ctx() context.Context { return in.Request().Context() }

// serve is the way of every request: who asks, whether the parameters and the
// body are what the operation takes, and then the operation itself.
func (a *admin) serve(op operation) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		in := &call{Context: c, op: op}
		if !op.open {
			actor, err := a.core.AuthorizeAdmin(c.Request(), op.scope())
			if err != nil {
				return err
			}
			actor.RequestID = requestID(c)
			c.SetRequest(c.Request().WithContext(authz.WithActor(c.Request().Context(), actor)))
		}
		if in.query, err = a.readQuery(op, c.Request().URL.RawQuery); err != nil {
			return err
		}
		if in.doc, err = a.readBody(op, c.Request()); err != nil {
			return err
		}
		return op.handle(a, in)
	}
}

// readBody reads the JSON object that the operation takes.
func (a *admin) readBody(op operation, r *http.Request) (document, error) {
	body, err := readAll(r)
	if err != nil {
		return nil, err
	}
	if op.body == "" || len(body) == 0 && op.bodyOptional {
		if len(body) > 0 {
			return nil, badRequest("unexpected-body", "This operation takes no body.")
		}
		return document{}, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if takes := op.mediaTypes(); err != nil || !slices.Contains(takes, kind) {
		return nil, &apiProblem{Status: http.StatusUnsupportedMediaType, name: "media-type", Detail: "The body must be " + strings.Join(takes, " or ") + ", by its Content-Type."}
	}
	doc, err := readDocument(body)
	if err != nil {
		return nil, err
	}
	if faults := a.check(a.schemas[op.body], doc.value(), ""); len(faults) > 0 {
		return nil, invalidFields(faults)
	}
	return doc, nil
}

// audit writes down a change, once it is made.
func (a *admin) audit(in *call, what, event, target string, attrs ...slog.Attr) {
	a.core.Audit(in.ctx(), what, event, append([]slog.Attr{slog.String("target", target)}, attrs...)...)
}

// named lists the fields of a document, never their values.
func named(doc document) slog.Attr { return slog.String("fields", strings.Join(doc.names(), " ")) }

// plainID is an id that stands in a path as it is.
var plainID = regexp.MustCompile(`^[A-Za-z0-9._@:!$&'()*+,=-][A-Za-z0-9._~@:!$&'()*+,=-]*$`)

// pathOf writes an id for a path. One that would need escapes, such as the URL
// of a client that is known by it, is written as "~" and its base64url: no path
// of this server has escapes, for proxies read those in several ways.
func pathOf(id string) string {
	if plainID.MatchString(id) && strings.Trim(id, ".") != "" {
		return id
	}
	return "~" + base64.RawURLEncoding.EncodeToString([]byte(id))
}

// id undoes pathOf for the parameter of the path.
func (in *call) id() (string, error) {
	names := in.ParamNames()
	if len(names) != 1 {
		return "", fmt.Errorf("%s has %d parameters", in.op.path, len(names))
	}
	written := in.Param(names[0])
	coded, ok := strings.CutPrefix(written, "~")
	if !ok {
		return written, nil
	}
	id, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	if err != nil || len(id) == 0 {
		return "", badRequest("malformed-id", "An id in a path that begins with ~ must go on in base64url.")
	}
	return string(id), nil
}

// created answers with a resource that is new, and says where it is.
func (a *admin) created(in *call, collection, id string, body any) error {
	in.Response().Header().Set("Location", a.prefix+collection+"/"+pathOf(id))
	return in.JSON(http.StatusCreated, body)
}

// notFound is whatever error a room has for what is not there.
func notFound(err error) bool {
	return errors.Is(err, clients.ErrNotFound) || errors.Is(err, login.ErrNotFound) || errors.Is(err, authz.ErrNotFound) || errors.Is(err, ErrNoSuchKey)
}
