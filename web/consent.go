package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"signet/authz"
	"signet/authz/login"
)

type consentView struct {
	App                       appView
	Person                    string
	New, Old                  []authz.ScopeText
	Action, Token             string
	SwitchAction, SwitchToken string
	Alert                     string
}

func (s *server) showConsent(c echo.Context, f *flow, step authz.Step, subject, alert string) error {
	status := http.StatusOK
	if alert != "" {
		status = http.StatusForbidden
	}
	return s.pages.render(c, page{
		name: "consent", status: status, failed: alert != "", leaves: true,
		title: s.texts.ConsentTitle,
		view: consentView{
			App:    s.app(c, f, step),
			Person: personName(step.Person), New: scopeTexts(step.NewScopes), Old: scopeTexts(step.OldScopes),
			Action: s.flowURL(f.id, "consent"), Token: s.consentToken(f, subject),
			SwitchAction: s.flowURL(f.id, "switch"), SwitchToken: s.seal.Token(f.id, f.browser, "switch"),
			Alert: alert,
		},
	})
}

// consentToken binds the answer to the person who was asked: when somebody
// else has signed in meanwhile, in another tab, it does not count.
func (s *server) consentToken(f *flow, subject string) string {
	return s.seal.Token(f.id, f.browser, "consent", subject)
}

// answerConsent takes Allow or Deny.
func (s *server) answerConsent(c echo.Context) error {
	f, form, err := s.openForm(c)
	if err != nil {
		return err
	}
	sess, err := s.session(c)
	if err != nil {
		return err
	}
	answer, alert := authz.NoAnswer, ""
	switch {
	case sess == nil: // Advance asks for a sign-in
	case !s.seal.Check(form.Get("csrf"), f.id, f.browser, "consent", sess.Subject):
		alert = s.texts.FormStale
	case form.Get("answer") == "allow":
		answer = authz.Allow
	case form.Get("answer") == "deny":
		answer = authz.Deny
	default:
		alert = s.texts.ConsentNoAnswer
	}
	step, err := s.authorize.Advance(c.Request().Context(), f.req, sess, answer)
	if err == nil && step.Kind == authz.StepConsent && alert != "" {
		return s.showConsent(c, f, step, sess.Subject, alert)
	}
	return s.follow(c, f, step, err)
}

// deviceWarning is for an app that introduces itself and listens on this device:
// any program here can use the name of one that is known (RFC 8252, section 8.6).
func (s *server) deviceWarning(step authz.Step) string {
	u, err := url.Parse(step.RedirectURI)
	if step.ClientHost == "" || err != nil || u.Scheme == "https" {
		return ""
	}
	return s.texts.ConsentOnDevice
}

func personName(p login.Person) string {
	if p.Username != "" {
		return tidy(p.Username)
	}
	return tidy(p.Email)
}

func scopeTexts(in []authz.ScopeText) []authz.ScopeText {
	out := make([]authz.ScopeText, 0, len(in))
	for _, t := range in {
		out = append(out, authz.ScopeText{Name: clip(t.Name, 300), Text: clip(t.Text, 300)})
	}
	return out
}
