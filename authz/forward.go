package authz

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"signet/authz/login"
)

// Forward authentication lets a proxy guard sites that know no OpenID Connect. A
// site is to the person what a first-party app is: they sign in here, once for
// all, and are sent back with a code. What the site's browser gets for it is a
// cookie that names the login session, sealed to that site. So each question of
// the proxy is answered by what is true now, and a session that ends here has
// ended at every site.

// ErrForwardSignIn says that nobody is signed in at a site: the cookie is missing,
// of another site or changed, the session has ended, or the person may not sign in
// any more.
var ErrForwardSignIn = errors.New("nobody is signed in at this site")

// SessionFinder finds the login session that a cookie of a site names.
type SessionFinder interface {
	// SessionByID returns the session with this ID, whatever its state, or
	// login.ErrNotFound.
	SessionByID(ctx context.Context, id string) (login.Session, error)
}

// NotAdmittedError says that the person who is signed in is in none of the groups
// that a site is for.
type NotAdmittedError struct {
	// Site is the one they asked for.
	Site ForwardSite
	// Again are the parameters of the same request, for somebody else to sign in.
	Again url.Values
}

// Error names the site.
func (e *NotAdmittedError) Error() string {
	return "the person is in none of the groups that may open " + e.Site.Host
}

// ForwardRequest is a person's wish to open a page of a guarded site.
type ForwardRequest struct {
	site *ForwardSite
	// to is the page, at the site; state is the hash of the id of the site's browser.
	to, state string
	// again asks for a sign-in, whoever is signed in.
	again   bool
	started time.Time
}

// forwardMark begins a saved ForwardRequest, and no saved Request: that is JSON.
const forwardMark = "forward "

// IsForwardRequest reports whether saved came from ForwardRequest.Marshal.
func IsForwardRequest(saved []byte) bool { return strings.HasPrefix(string(saved), forwardMark) }

// Query returns the parameters of /auth/start again.
func (r *ForwardRequest) Query() url.Values {
	v := url.Values{"rd": {r.to}, "state": {r.state}}
	if r.again {
		v.Set("prompt", promptLogin)
	}
	return v
}

// Marshal writes the request down, for the time that a page is shown.
func (r *ForwardRequest) Marshal() ([]byte, error) {
	saved, err := json.Marshal(savedRequest{Form: r.Query(), Started: r.started.UnixMicro()})
	return append([]byte(forwardMark), saved...), err
}

// Refuse is an error for the person: a site cannot be told.
func (r *ForwardRequest) Refuse(code, description string) *Error {
	return refuse(code, "%s", description)
}

// BeginForward reads the parameters of /auth/start: rd, the page to come back to,
// which has to be at a guarded site; state, what ForwardState made of the browser
// there; and prompt, which can be "login". Its errors are for the person: nobody is
// sent anywhere before all of this was found right.
func (p *Provider) BeginForward(_ context.Context, form url.Values) (*ForwardRequest, error) {
	return p.parseForward(form, p.now())
}

// RestoreForward reads what Marshal wrote and checks it again.
func (p *Provider) RestoreForward(_ context.Context, saved []byte) (*ForwardRequest, error) {
	var s savedRequest
	if err := json.Unmarshal([]byte(strings.TrimPrefix(string(saved), forwardMark)), &s); err != nil {
		return nil, refuse(CodeInvalidRequest, "The saved request cannot be read. Start again.").because(err)
	}
	return p.parseForward(s.Form, time.UnixMicro(s.Started).UTC())
}

func (p *Provider) parseForward(form url.Values, started time.Time) (*ForwardRequest, error) {
	if err := noDuplicates(form); err != nil {
		return nil, err
	}
	rd, state, prompt := form.Get("rd"), form.Get("state"), form.Get("prompt")
	site := p.forward.siteOf(rd)
	switch {
	case site == nil:
		return nil, refuse(CodeInvalidRequest, "The address to return to is not a page of a site that this server guards.").
			compared("an rd that begins with one of "+p.forward.origins(), clip(rd))
	case len(state) != forwardStateLength:
		return nil, refuse(CodeInvalidRequest, "The request was not begun at the site. Open the page there again.").
			compared("a state that the site's /.signet/start made", fmt.Sprintf("one of %d bytes", len(state)))
	case prompt != "" && prompt != promptLogin:
		return nil, refuse(CodeInvalidRequest, "The parameter prompt can be login alone.").compared("login", clip(prompt))
	}
	return &ForwardRequest{site: site, to: rd, state: state, again: prompt != "", started: started}, nil
}

// AdvanceForward takes a request one step further: s is the live session at the
// browser, nil when nobody is signed in. It returns a *NotAdmittedError for a person
// who may not open the site.
func (p *Provider) AdvanceForward(ctx context.Context, r *ForwardRequest, s *login.Session) (Step, error) {
	step := Step{Kind: StepLogin, Client: r.site.client(), RedirectURI: r.site.callback()}
	if s == nil || r.again && s.AuthTime.Before(r.started) {
		return step, nil
	}
	person, err := p.allowedPerson(ctx, s.Subject)
	if err != nil {
		if asError(err).Code == CodeInvalidGrant {
			return step, nil // the account is gone or disabled: as if nobody had signed in
		}
		return step, err
	}
	if !step.Client.Admits(person.Groups) {
		again := *r
		again.again = true
		return step, &NotAdmittedError{Site: *r.site, Again: again.Query()}
	}
	code, err := p.forward.newCode(r, s.ID, p.now().Add(p.cfg.CodeTTL))
	if err != nil {
		return step, err
	}
	step.Kind, step.Person = StepRespond, person
	step.Response = &Response{RedirectURI: step.RedirectURI, Mode: modeQuery, Params: url.Values{"code": {code}}}
	return step, nil
}

// ForwardEntry is what a code lets in.
type ForwardEntry struct {
	// Cookie is the value of the site's cookie; To is the page to go on to.
	Cookie, To string
}

// RedeemForward takes the code that a browser with this id brings back to the site
// of this host. A code is good once, for a moment, at one site and in the browser that
// began there: a code of somebody else's sign-in, planted as a link, signs nobody in.
func (p *Provider) RedeemForward(ctx context.Context, host, code, browser string) (ForwardEntry, error) {
	site, ok := p.forward.sites[host]
	if !ok {
		return ForwardEntry{}, forwardRefused("a guarded site", clip(host))
	}
	c, err := p.forward.openCode(site, code)
	switch {
	case err != nil:
		return ForwardEntry{}, forwardRefused("a code for "+host, "something else").because(err)
	case browser == "":
		return ForwardEntry{}, refuse(CodeInvalidRequest, "Your browser did not keep the cookie that the sign-in began with. Allow cookies for %s, and open the page again.", host)
	case subtle.ConstantTimeCompare([]byte(ForwardState(browser)), []byte(c.State)) != 1:
		return ForwardEntry{}, forwardRefused("a code that this browser began with", "one of another browser")
	}
	expires := time.Unix(c.Expires, 0)
	if !p.now().Before(expires) {
		return ForwardEntry{}, forwardRefused("a code before it expires", "an expired one")
	}
	sum := sha256.Sum256([]byte("forward authentication\x00" + c.ID))
	if err := p.cfg.Assertions.UseAssertion(ctx, hex.EncodeToString(sum[:]), expires); err != nil {
		if errors.Is(err, ErrConflict) {
			return ForwardEntry{}, forwardRefused("a code that was not used before", "a used one")
		}
		return ForwardEntry{}, refuse(CodeTemporarilyUnavailable, "The sign-in cannot be finished at the moment. Try again.").because(err)
	}
	cookie, err := p.forward.seal(forwardCookie, site, []byte(c.Session))
	return ForwardEntry{Cookie: cookie, To: c.To}, err
}

func forwardRefused(expected, received string) *Error {
	return refuse(CodeInvalidRequest, "This sign-in link has expired, was used before, or belongs to another browser. Open the page again.").
		compared(expected, received)
}

// VerifyForward returns the person whose cookie a browser showed to the site of this
// host, as they are now: two reads by primary key. It returns ErrForwardSignIn, or a
// *NotAdmittedError without Again.
func (p *Provider) VerifyForward(ctx context.Context, host, cookie string) (login.Person, error) {
	site, ok := p.forward.sites[host]
	if !ok || cookie == "" {
		return login.Person{}, ErrForwardSignIn
	}
	id, err := p.forward.open(forwardCookie, site, cookie)
	if err != nil {
		return login.Person{}, ErrForwardSignIn
	}
	session, err := p.cfg.Sessions.SessionByID(ctx, string(id))
	if errors.Is(err, login.ErrNotFound) || err == nil && !session.Live(p.now()) {
		return login.Person{}, ErrForwardSignIn
	}
	if err != nil {
		return login.Person{}, fmt.Errorf("find the session of a site's cookie: %w", err)
	}
	person, err := p.allowedPerson(ctx, session.Subject)
	if err != nil {
		if asError(err).Code == CodeInvalidGrant {
			return login.Person{}, ErrForwardSignIn
		}
		return login.Person{}, err
	}
	if client := site.client(); !client.Admits(person.Groups) {
		return login.Person{}, &NotAdmittedError{Site: *site}
	}
	return person, nil
}
