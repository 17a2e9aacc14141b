package web

import (
	"log/slog"
	"net/http"
	"time"

	"signet/authz/login"
)

// sessionView is one sign-in of a person.
type sessionView struct {
	SessionID  string    `json:"sid" doc:"The id, as in tokens; it opens nothing."`
	Subject    string    `json:"sub"`
	State      string    `json:"state" doc:"active, expired or ended."`
	AuthTime   time.Time `json:"auth_time"`
	AMR        []string  `json:"amr" doc:"How they proved who they are (RFC 8176)."`
	ACR        string    `json:"acr,omitempty"`
	Address    string    `json:"address,omitempty" doc:"The IP address that the sign-in came from."`
	UserAgent  string    `json:"user_agent,omitempty" doc:"What the browser called itself."`
	Remembered bool      `json:"remembered" doc:"The person asked to be kept signed in on that device."`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero" doc:"To five minutes or so."`
	ExpiresAt  time.Time `json:"expires_at" doc:"Moves on with last_used_at, up to the lifetime."`
	EndedAt    time.Time `json:"ended_at,omitzero"`
}

// endedView says how many sessions were ended.
type endedView struct {
	Ended int64 `json:"ended" doc:"How many sessions were alive."`
}

func (a *admin) viewSession(s *login.Session) sessionView {
	v := sessionView{
		SessionID: s.ID, Subject: s.Subject, State: "active", AuthTime: s.AuthTime, AMR: append([]string{}, s.AMR...), ACR: s.ACR,
		Address: s.Device.Address, UserAgent: s.Device.UserAgent, Remembered: s.Device.Remembered,
		CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsed, ExpiresAt: s.ExpiresAt, EndedAt: s.EndedAt,
	}
	switch {
	case !s.EndedAt.IsZero():
		v.State = "ended"
	case !a.now().Before(s.ExpiresAt):
		v.State = "expired"
	}
	return v
}

func (a *admin) listSessions(in *call) error {
	f := login.SessionFilter{Subject: in.query.Get("sub"), LiveAt: a.liveAt(in)}
	return sendPage(a, in, func(after string, limit int) ([]login.Session, error) {
		return a.Rows.SessionsPage(in.ctx(), f, after, limit)
	}, func(s *login.Session) string { return s.ID }, a.viewSession)
}

// liveAt is the time by which a list leaves out what has ended; zero for none.
func (a *admin) liveAt(in *call) time.Time {
	if in.query.Get("live") == "false" {
		return time.Time{}
	}
	return a.now().UTC()
}

func (a *admin) endSession(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	s, err := a.Rows.SessionByID(in.ctx(), id)
	if err != nil {
		return err
	}
	now := a.now().UTC()
	if !(login.SessionFilter{LiveAt: now}).Matches(&s) {
		return in.NoContent(http.StatusNoContent) // it has ended already
	}
	if err := a.Rows.EndSession(in.ctx(), id, now); err != nil {
		return err
	}
	a.core.SessionEnded(in.ctx(), s)
	a.audit(in, "session ended", "sessions_ended", id, slog.String("sub", s.Subject), slog.Int64("sessions", 1))
	return in.NoContent(http.StatusNoContent)
}

func (a *admin) endPersonSessions(in *call) error {
	id, err := in.id()
	if err != nil {
		return err
	}
	if _, err := a.Rows.Person(in.ctx(), id); err != nil {
		return err
	}
	n, err := a.endSessionsOf(in, id)
	if err != nil {
		return err
	}
	return in.JSON(http.StatusOK, endedView{n})
}

// endSessionsOf signs a person out everywhere.
func (a *admin) endSessionsOf(in *call, subject string) (int64, error) {
	ended, err := a.Rows.EndSessions(in.ctx(), login.SessionFilter{Subject: subject}, a.now().UTC())
	n := int64(len(ended))
	if err == nil && n > 0 {
		a.core.SessionsEnded(in.ctx(), subject)
		a.audit(in, "sessions ended", "sessions_ended", subject, slog.String("sub", subject), slog.Int64("sessions", n))
	}
	return n, err
}
