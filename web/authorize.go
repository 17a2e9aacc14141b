package web

import (
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

// beginAuthorize is the authorization endpoint (RFC 6749, section 3.1; OpenID
// Connect Core, section 3.1.2.1), by GET and POST.
func (s *server) beginAuthorize(c echo.Context) error {
	form, err := s.params(c)
	if err != nil {
		return err
	}
	req, err := s.authorize.Begin(c.Request().Context(), form)
	if err != nil {
		return err
	}
	// Browsers keep our cookies back when another site posts here. Following
	// a redirect they send them, so nobody signed in is asked to sign in, and
	// no second browser id cuts off the flows in other tabs.
	if c.Request().Method == http.MethodPost && s.browserID(c) == "" {
		return c.Redirect(http.StatusSeeOther, s.startURL(req))
	}
	return s.begin(c, req, "The request is too large.")
}

// begin takes the first step of a request that has just come in: an answer at
// once, or a page, for which the request is kept. tooLarge words what is wrong
// with one that cannot be.
func (s *server) begin(c echo.Context, req pending, tooLarge string) error {
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	step, err := s.authorize.Advance(c.Request().Context(), req, sess, authz.NoAnswer)
	if err != nil {
		return err
	}
	if step.Kind == authz.StepRespond {
		return s.respond(c, step.Response)
	}
	f, err := s.beginFlow(c, req)
	if errors.Is(err, errTooLarge) {
		e := req.Refuse(authz.CodeInvalidRequest, tooLarge)
		e.Expected = fmt.Sprintf("at most %d bytes, compressed and sealed", maxSealed)
		return e
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, s.flowURL(f.id, pageOf(step.Kind)))
}

// startURL begins the same request anew.
func (s *server) startURL(r pending) string {
	if _, ok := r.(*authz.ForwardRequest); ok {
		return s.url(pathAuthStart) + "?" + r.Query().Encode()
	}
	return s.url(pathAuthorize) + "?" + r.Query().Encode()
}

// respond hands an authorization response to the client through the browser.
// The redirect is a 303, so that no browser ever repeats a form with a
// password in it at the client (RFC 9700, section 4.12).
func (s *server) respond(c echo.Context, r *authz.Response) error {
	if r == nil {
		return errors.New("a step without a response")
	}
	if r.Mode == "form_post" {
		return s.formPost(c, r)
	}
	return c.Redirect(http.StatusSeeOther, r.Location())
}

// formPostView is the page of OAuth 2.0 Form Post Response Mode, section 2.
type formPostView struct {
	// Action is a redirect URI that has matched a registered one. As such it
	// may have a private-use scheme (RFC 8252, section 7.1), which a template
	// would take for an attack; those that are one cannot be registered.
	Action template.URL
	Script string
	Fields []field
}

type field struct{ Name, Value string }

func (s *server) formPost(c echo.Context, r *authz.Response) error {
	v := formPostView{Action: template.URL(r.RedirectURI), Script: s.assetURL("form-post.js")}
	for _, name := range sortedKeys(r.Params) {
		for _, value := range r.Params[name] {
			v.Fields = append(v.Fields, field{name, value})
		}
	}
	return s.pages.render(c, page{
		name: "form_post", status: http.StatusOK, title: s.texts.FormPostTitle,
		leaves: true, script: true, view: v,
	})
}

// params reads the parameters of an endpoint that apps send people to: the
// query of a GET, the form of a POST (OpenID Connect Core, section 3.1.2.1).
func (s *server) params(c echo.Context) (url.Values, error) {
	r := c.Request()
	if r.Method != http.MethodPost {
		v, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			// The cause would quote the query.
			return nil, &refusal{status: http.StatusBadRequest, text: s.texts.ErrorMalformed, err: errors.New("the query is not valid form encoding")}
		}
		return v, nil
	}
	return s.form(c)
}

// form reads a posted form, and only from the body.
func (s *server) form(c echo.Context) (url.Values, error) {
	r := c.Request()
	if mt, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || mt != echo.MIMEApplicationForm {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, text: s.texts.ErrorMalformed,
			err: errors.New("expected content type " + echo.MIMEApplicationForm + ", received " + clip(mt, 100))}
	}
	if err := r.ParseForm(); err != nil {
		return nil, &refusal{status: http.StatusBadRequest, text: s.texts.ErrorMalformed, err: errors.New("the form or the query is not valid form encoding")}
	}
	return r.PostForm, nil
}

// session returns the session of this browser, nil when nobody is signed in.
func (s *server) session(c echo.Context) (*login.Session, error) {
	token := s.sessionToken(c)
	if token == "" {
		return nil, nil
	}
	sess, err := s.sessions.Session(c.Request().Context(), token)
	if errors.Is(err, login.ErrNoSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &sess, nil
}
