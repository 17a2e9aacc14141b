package authz

import (
	"testing"
	"time"

	"signet/clients"
)

// TestDecide is the specification of the sign-in flow, row by row.
func TestDecide(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	age := func(d time.Duration) *time.Duration { return &d }
	// An hour ago, in another request; and just now, in this one.
	old, fresh := start.Add(-time.Hour), start.Add(time.Second)
	in := func(authTime time.Time, change func(*state)) state {
		s := state{started: start, signedIn: true, subject: "ada", authTime: authTime, consented: true}
		if change != nil {
			change(&s)
		}
		return s
	}
	out := func(change func(*state)) state {
		s := state{started: start}
		if change != nil {
			change(&s)
		}
		return s
	}
	login, consent, issue := decision{move: moveLogin}, decision{move: moveConsent}, decision{move: moveIssue}
	stepUp := decision{move: moveStepUp}
	refused := func(code string) decision { return decision{moveRefuse, code} }

	for name, tt := range map[string]struct {
		state state
		want  decision
	}{
		"nobody is signed in":                              {out(nil), login},
		"nobody, prompt=none":                              {out(func(s *state) { s.promptNone = true }), refused(CodeLoginRequired)},
		"nobody, Allow was posted":                         {out(func(s *state) { s.answer = Allow }), login},
		"nobody, Deny was posted":                          {out(func(s *state) { s.answer = Deny }), login},
		"signed in, all was allowed before":                {in(old, nil), issue},
		"signed in, prompt=none":                           {in(old, func(s *state) { s.promptNone = true }), issue},
		"signed in, new scopes":                            {in(old, func(s *state) { s.consented = false }), consent},
		"new scopes, prompt=none":                          {in(old, func(s *state) { s.consented = false; s.promptNone = true }), refused(CodeConsentRequired)},
		"new scopes, first party":                          {in(old, func(s *state) { s.consented = false; s.consent = clients.ConsentSkip }), issue},
		"new scopes, Allow":                                {in(old, func(s *state) { s.consented = false; s.answer = Allow }), issue},
		"new scopes, Deny":                                 {in(old, func(s *state) { s.consented = false; s.answer = Deny }), refused(CodeAccessDenied)},
		"nothing new, Deny all the same":                   {in(old, func(s *state) { s.answer = Deny }), refused(CodeAccessDenied)},
		"prompt=consent asks again":                        {in(old, func(s *state) { s.promptConsent = true }), consent},
		"prompt=consent, Allow":                            {in(old, func(s *state) { s.promptConsent = true; s.answer = Allow }), issue},
		"prompt=login asks again":                          {in(old, func(s *state) { s.promptLogin = true }), login},
		"prompt=login, signed in for this request":         {in(fresh, func(s *state) { s.promptLogin = true }), issue},
		"prompt=login, signed in at the very instant":      {in(start, func(s *state) { s.promptLogin = true }), issue},
		"prompt=login, a microsecond too early":            {in(start.Add(-time.Microsecond), func(s *state) { s.promptLogin = true }), login},
		"prompt=login does not let Allow through":          {in(old, func(s *state) { s.promptLogin = true; s.answer = Allow }), login},
		"max_age passed":                                   {in(old, func(s *state) { s.maxAge = age(59 * time.Minute) }), login},
		"max_age passed, prompt=none":                      {in(old, func(s *state) { s.maxAge = age(time.Minute); s.promptNone = true }), refused(CodeLoginRequired)},
		"max_age not passed":                               {in(old, func(s *state) { s.maxAge = age(10000 * time.Second) }), issue},
		"max_age passed, but signed in for this request":   {in(fresh, func(s *state) { s.maxAge = age(time.Second) }), issue},
		"max_age=0 asks, even within the second":           {in(start.Add(-time.Microsecond), func(s *state) { s.maxAge = age(0) }), login},
		"max_age=0, signed in for this request":            {in(fresh, func(s *state) { s.maxAge = age(0) }), issue},
		"hint names the person":                            {in(old, func(s *state) { s.hint = "ada" }), issue},
		"hint names another":                               {in(old, func(s *state) { s.hint = "bob" }), login},
		"hint names another, prompt=none":                  {in(old, func(s *state) { s.hint = "bob"; s.promptNone = true }), refused(CodeLoginRequired)},
		"hint names another, and ada signed in again":      {in(fresh, func(s *state) { s.hint = "bob" }), refused(CodeLoginRequired)},
		"hint names another, Allow was posted":             {in(old, func(s *state) { s.hint = "bob"; s.answer = Allow }), login},
		"first party, prompt=login before anything else":   {in(old, func(s *state) { s.consent = clients.ConsentSkip; s.promptLogin = true }), login},
		"first party asks at prompt=consent":               {in(old, func(s *state) { s.consent = clients.ConsentSkip; s.promptConsent = true }), consent},
		"first party, prompt=consent, Allow":               {in(old, func(s *state) { s.consent = clients.ConsentSkip; s.promptConsent = true; s.answer = Allow }), issue},
		"first party, Deny all the same":                   {in(old, func(s *state) { s.consent = clients.ConsentSkip; s.answer = Deny }), refused(CodeAccessDenied)},
		"always asks, though all was allowed before":       {in(old, func(s *state) { s.consent = clients.ConsentAlways }), consent},
		"always asks, Allow":                               {in(old, func(s *state) { s.consent = clients.ConsentAlways; s.answer = Allow }), issue},
		"always asks, Deny":                                {in(old, func(s *state) { s.consent = clients.ConsentAlways; s.answer = Deny }), refused(CodeAccessDenied)},
		"always asks, prompt=none":                         {in(old, func(s *state) { s.consent = clients.ConsentAlways; s.promptNone = true }), refused(CodeConsentRequired)},
		"an unknown policy asks for what is new":           {in(old, func(s *state) { s.consent = "never"; s.consented = false }), consent},
		"barred":                                           {in(old, func(s *state) { s.barred = true }), refused(CodeAccessDenied)},
		"barred, prompt=none":                              {in(old, func(s *state) { s.barred = true; s.promptNone = true }), refused(CodeAccessDenied)},
		"barred, Allow was posted":                         {in(old, func(s *state) { s.barred = true; s.consented = false; s.answer = Allow }), refused(CodeAccessDenied)},
		"barred from a first-party app":                    {in(old, func(s *state) { s.barred = true; s.consent = clients.ConsentSkip }), refused(CodeAccessDenied)},
		"barred, but somebody else may sign in":            {in(old, func(s *state) { s.barred = true; s.promptLogin = true }), login},
		"max_age=0 and prompt=none":                        {in(old, func(s *state) { s.maxAge = age(0); s.promptNone = true }), refused(CodeLoginRequired)},
		"max_age=0 and prompt=login, just signed in":       {in(fresh, func(s *state) { s.maxAge = age(0); s.promptLogin = true }), issue},
		"max_age not passed, prompt=login":                 {in(old, func(s *state) { s.maxAge = age(10000 * time.Second); s.promptLogin = true }), login},
		"prompt=login consent, just signed in":             {in(fresh, func(s *state) { s.promptLogin = true; s.promptConsent = true }), consent},
		"prompt=login consent, not yet":                    {in(old, func(s *state) { s.promptLogin = true; s.promptConsent = true }), login},
		"claims ask for another sub":                       {in(old, func(s *state) { s.foreign = true }), login},
		"claims ask for another sub, prompt=none":          {in(old, func(s *state) { s.foreign = true; s.promptNone = true }), refused(CodeLoginRequired)},
		"claims ask for another sub, ada signed in again":  {in(fresh, func(s *state) { s.foreign = true }), refused(CodeLoginRequired)},
		"claims ask for another sub, Allow was posted":     {in(old, func(s *state) { s.foreign = true; s.answer = Allow }), login},
		"below a wish":                                     {in(old, func(s *state) { s.below = true }), issue},
		"below a wish, prompt=none":                        {in(old, func(s *state) { s.below = true; s.promptNone = true }), issue},
		"below a wish that can be had":                     {in(old, func(s *state) { s.below, s.canStepUp = true, true }), stepUp},
		"below a wish that can be had, just signed in":     {in(fresh, func(s *state) { s.below, s.canStepUp = true, true }), stepUp},
		"below a wish that can be had, prompt=none":        {in(old, func(s *state) { s.below, s.canStepUp, s.promptNone = true, true, true }), issue},
		"below a must":                                     {in(old, func(s *state) { s.below, s.acrEssential = true, true }), refused(CodeUnmetAuthentication)},
		"below a must, prompt=none":                        {in(old, func(s *state) { s.below, s.acrEssential, s.promptNone = true, true, true }), refused(CodeUnmetAuthentication)},
		"below a must, nobody is signed in":                {out(func(s *state) { s.below, s.acrEssential = true, true }), login},
		"below a must that can be had":                     {in(old, func(s *state) { s.below, s.acrEssential, s.canStepUp = true, true, true }), stepUp},
		"below a must that can be had, prompt=none":        {in(old, func(s *state) { s.below, s.acrEssential, s.canStepUp, s.promptNone = true, true, true, true }), refused(CodeLoginRequired)},
		"below a must that can be had, Allow was posted":   {in(old, func(s *state) { s.below, s.acrEssential, s.canStepUp, s.answer = true, true, true, Allow }), stepUp},
		"below a must that can be had, new scopes":         {in(old, func(s *state) { s.below, s.canStepUp, s.consented = true, true, false }), stepUp},
		"below a must that can be had, but prompt=login":   {in(old, func(s *state) { s.below, s.canStepUp, s.promptLogin = true, true, true }), login},
		"below, and barred":                                {in(old, func(s *state) { s.below, s.canStepUp, s.barred = true, true, true }), refused(CodeAccessDenied)},
		"a must that is reached":                           {in(old, func(s *state) { s.acrEssential = true }), issue},
		"disabled in the meantime, as if nobody signed in": {out(func(s *state) { s.consented = true; s.answer = Allow }), login},
	} {
		t.Run(name, func(t *testing.T) {
			if got := decide(tt.state); got != tt.want {
				t.Errorf("decide(%+v) = %+v, want %+v", tt.state, got, tt.want)
			}
		})
	}
}

// What an Allow is remembered for.
func TestConsentIsRemembered(t *testing.T) {
	for name, tt := range map[string]struct {
		state state
		want  bool
	}{
		"new scopes, Allow":           {state{answer: Allow}, true},
		"new scopes, Deny":            {state{answer: Deny}, false},
		"new scopes, no answer":       {state{}, false},
		"nothing new, Allow":          {state{consented: true, answer: Allow}, false},
		"prompt=consent, Allow":       {state{consented: true, promptConsent: true, answer: Allow}, true},
		"always, Allow":               {state{consent: clients.ConsentAlways, answer: Allow}, false},
		"always, prompt=consent":      {state{consent: clients.ConsentAlways, promptConsent: true, answer: Allow}, false},
		"first party, unasked":        {state{consent: clients.ConsentSkip, answer: Allow}, false},
		"first party, prompt=consent": {state{consent: clients.ConsentSkip, promptConsent: true, answer: Allow}, true},
	} {
		if got := tt.state.remembers(); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}
