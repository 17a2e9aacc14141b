package authz

import (
	"context"
	"slices"

	"signet/authz/login"
)

// StepUps knows how well people can prove who they are. login.Service does.
type StepUps interface {
	// Levels are the acr values that a sign-in can reach, the lowest first.
	Levels() []string
	// CanStepUp reports whether the person with this subject, who is signed in, can
	// reach a level by one more factor.
	CanStepUp(ctx context.Context, subject, acr string) (bool, error)
}

// oneFactor is what there is without any second factor.
type oneFactor struct{}

func (oneFactor) Levels() []string { return []string{login.ACRSingleFactor} }

func (oneFactor) CanStepUp(context.Context, string, string) (bool, error) { return false, nil }

// rank is the place of a level among those there are, -1 of one that is not known.
func (p *Provider) rank(acr string) int { return slices.Index(p.cfg.StepUps.Levels(), acr) }

// reached returns the acr to tell a client of, of the levels that it wants, in the
// order of its preference, and of the one that a session has: a higher level holds
// all that is below it. It returns false, and the session's own, when the session
// is below all of them. To ask for nothing is to be content.
func (p *Provider) reached(has string, wanted []string) (acr string, ok bool) {
	if len(wanted) == 0 || slices.Contains(wanted, has) {
		return has, true
	}
	for _, acr := range wanted {
		if rank := p.rank(acr); rank >= 0 && rank <= p.rank(has) {
			return acr, true
		}
	}
	return has, false
}

// judgeACR fills in what decide needs to know of the levels that a request wants,
// and the one that is to be reached now (RFC 9470; OpenID Connect Core, sections
// 3.1.2.1 and 5.5.1.1).
func (p *Provider) judgeACR(ctx context.Context, r *Request, s *login.Session, st *state, step *Step) error {
	_, reached := p.reached(s.ACR, r.acrValues)
	st.below, st.acrEssential = !reached || r.acrEssential && len(r.acrValues) == 0, r.acrEssential
	if !st.below {
		return nil
	}
	for _, acr := range r.acrValues {
		if p.rank(acr) < 0 {
			continue
		}
		can, err := p.cfg.StepUps.CanStepUp(ctx, s.Subject, acr)
		if err != nil {
			return err
		}
		if can {
			st.canStepUp, step.StepUp = true, acr
			return nil
		}
	}
	return nil
}
