package main

import (
	"fmt"
	"strings"

	"signet/clients"
)

// printApplied says what changed, or would: a client a line, and a line for each
// field of it. It never shows a secret but one that was just made.
func (a *app) printApplied(steps []applyStep, flags *applyFlags) error {
	if a.json {
		return a.printJSON(appliedJSON(steps, flags))
	}
	counts := map[string]int{}
	secrets := false
	for i := range steps {
		s := &steps[i]
		counts[s.Action]++
		if s.Action == applyUnchanged {
			continue
		}
		a.say("%s", s.title(flags.dryRun))
		if s.Action != applyDelete {
			a.printChanges(s)
		}
		secrets = secrets || s.Secret != ""
	}
	if len(steps) == counts[applyUnchanged] {
		a.say("Nothing to change: %s as declared.", plural(len(steps), "client"))
		return nil
	}
	line := "%d created, %d updated, %d deleted, %d unchanged."
	if flags.dryRun {
		line = "%d to create, %d to update, %d to delete, %d unchanged. Nothing was changed (--dry-run)."
	}
	a.say(line, counts[applyCreate], counts[applyUpdate], counts[applyDelete], counts[applyUnchanged])
	if secrets {
		a.say("This is the only time that client_secret is shown: put it where the app reads it now.")
	}
	return nil
}

// title is the line about a client.
func (s *applyStep) title(dryRun bool) string {
	sign := map[string]string{applyCreate: "+", applyUpdate: "~", applyDelete: "-"}[s.Action]
	line := sign + " " + s.id
	if s.Action == applyDelete && !dryRun {
		line += ": " + grantsRevoked(s.Revoked)
	}
	return line
}

func (a *app) printChanges(s *applyStep) {
	for _, c := range s.Changes {
		switch {
		case c.Field == "client_secret" && s.Secret != "":
			a.say("    client_secret: %s", s.Secret)
		case c.Field == "client_secret" && s.SecretFile != "":
			a.say("    client_secret: written to %s", s.SecretFile)
		case c.Old == nil:
			a.say("    %s: %s", c.Field, shownValue(c.New))
		default:
			a.say("    %s: %s → %s", c.Field, shownValue(c.Old), shownValue(c.New))
		}
	}
}

// shownValue is a value as a file would have it.
func shownValue(v any) string {
	if v == nil {
		return "nothing"
	}
	switch v := v.(type) {
	case string:
		return v
	case clients.Source:
		return string(v)
	}
	return jsonText(v)
}

// applied is what `clients apply --json` prints.
type applied struct {
	DryRun  bool            `json:"dry_run"`
	Changed bool            `json:"changed"`
	Clients []appliedClient `json:"clients"`
}

type appliedClient struct {
	ID         string        `json:"client_id"`
	Action     string        `json:"action"`
	Changes    []fieldChange `json:"changes"`
	Secret     string        `json:"client_secret,omitempty"`
	SecretFile string        `json:"client_secret_file,omitempty"`
	Revoked    int           `json:"grants_revoked,omitempty"`
}

func appliedJSON(steps []applyStep, flags *applyFlags) applied {
	out := applied{DryRun: flags.dryRun, Clients: []appliedClient{}}
	for _, s := range steps {
		out.Changed = out.Changed || s.Action != applyUnchanged
		if s.Changes == nil {
			s.Changes = []fieldChange{}
		}
		out.Clients = append(out.Clients, appliedClient{s.id, s.Action, s.Changes, s.Secret, s.SecretFile, s.Revoked})
	}
	return out
}

// plural counts things: 1 client is, 2 clients are, without the verb.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %s", n, strings.TrimSuffix(thing, "s")+"s")
}
