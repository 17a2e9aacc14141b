package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/keys"
)

// showRevoked is for how long `keys list` shows a key that was revoked.
const showRevoked = 30 * 24 * time.Hour

func newKeysList(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the signing keys, and what happens to each one next",
		Long: `List the signing keys that are published, and those revoked in the last 30 days,
and say what happens to each one next. Nothing is made or changed. --json prints
all keys.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := a.lookAtKeys(cmd.Context(), func(room keyRoom) error {
				if a.json {
					return a.printJSON(a.showKeys(room.ring.Keys()))
				}
				return a.printKeys(outlook{room.conf.Algorithms, room.conf.Schedule, room.ring.Keys(), a.now()}, all)
			})
			switch {
			case errors.Is(err, errNoKeys) && a.json:
				return a.printJSON([]shownKey{})
			case errors.Is(err, errNoKeys):
				a.say("No keys yet.")
				return nil
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that were removed, or revoked long ago, as well")
	return cmd
}

func (a *app) showKeys(all []keys.Key) []shownKey {
	shown := make([]shownKey, len(all))
	for i, k := range all {
		shown[i] = a.showKey(k)
	}
	return shown
}

// printKeys writes a line for each key, and under it what happens to it next.
func (a *app) printKeys(o outlook, all bool) error {
	var rows [][]string
	var words []string
	for _, k := range o.keys {
		if !all && o.past(k) {
			continue
		}
		from, until := o.signs(k)
		rows = append(rows, []string{k.KID, k.Algorithm, strconv.Itoa(k.Generation), string(k.State), moment(from), moment(until)})
		words = append(words, o.of(k))
	}
	var table strings.Builder
	if err := tabulate(&table, []string{"KID", "ALG", "NO", "STATE", "SIGNS FROM", "SIGNS UNTIL"}, rows); err != nil {
		return err
	}
	i := -1 // the header
	for line := range strings.Lines(table.String()) {
		if _, err := io.WriteString(a.stdout, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
		if i >= 0 {
			a.say("  %s", words[i])
		}
		i++
	}
	for _, alg := range o.missing() {
		a.say("There is no key for %s yet: a server makes one when it starts.", alg)
	}
	if hidden := len(o.keys) - len(rows); hidden > 0 {
		a.say("Not shown: %d that are gone, or were revoked long ago (--all shows them).", hidden)
	}
	return nil
}

// outlook tells what becomes of keys.
type outlook struct {
	// algorithms are those in use.
	algorithms []string
	schedule   keys.Schedule
	keys       []keys.Key
	now        time.Time
}

// past says whether a key is nobody's concern any more.
func (o outlook) past(k keys.Key) bool {
	return k.State == keys.StateRemoved || k.State == keys.StateRevoked && k.RevokedAt.Before(o.now.Add(-showRevoked))
}

// signs is from when until when a key signs, as far as that is known.
func (o outlook) signs(k keys.Key) (from, until time.Time) {
	switch {
	case k.VerifyOnly:
		return from, until
	case k.State == keys.StateRevoked && !k.RevokedAt.After(k.ActiveAt):
		return from, until
	case k.State == keys.StateRevoked && k.RevokedAt.Before(k.RetiredAt):
		return k.ActiveAt, k.RevokedAt
	case k.State == keys.StateActive && !k.RetiredAt.After(o.now):
		return k.ActiveAt, until
	}
	return k.ActiveAt, k.RetiredAt
}

// of says in words what happens to a key next.
func (o outlook) of(k keys.Key) string {
	dropped := ""
	if !slices.Contains(o.algorithms, k.Algorithm) {
		dropped = fmt.Sprintf("; keys.algorithms does not have %s any more", k.Algorithm)
	}
	switch k.State {
	case keys.StateAnnounced:
		return fmt.Sprintf("begins to sign %s (in %s)", moment(k.ActiveAt), o.in(k.ActiveAt)) + dropped
	case keys.StateActive:
		return o.ofActive(k) + dropped
	case keys.StateRetired:
		return fmt.Sprintf("published until %s; by then every token it signed has expired", moment(k.RemovedAt)) + dropped
	case keys.StateVerifyOnly:
		return fmt.Sprintf("verifies tokens of another issuer until %s", moment(k.RemovedAt))
	case keys.StateRevoked:
		return fmt.Sprintf("revoked %s: %s", moment(k.RevokedAt), k.RevokedReason)
	}
	return "gone since " + moment(k.RemovedAt)
}

func (o outlook) ofActive(k keys.Key) string {
	for _, next := range o.keys {
		if next.Algorithm == k.Algorithm && next.State == keys.StateAnnounced && next.Generation > k.Generation {
			return fmt.Sprintf("hands over to %s on %s (in %s)", next.KID, moment(k.RetiredAt), o.in(k.RetiredAt))
		}
	}
	due := k.RetiredAt.Add(-o.schedule.AnnounceFor)
	switch {
	case !slices.Contains(o.algorithms, k.Algorithm):
		return fmt.Sprintf("signs until %s and gets no successor", moment(k.RetiredAt))
	case due.After(o.now):
		return fmt.Sprintf("signs until %s; the next key is announced %s", moment(k.RetiredAt), moment(due))
	case k.RetiredAt.After(o.now):
		return fmt.Sprintf("signs on until it has a successor, which was to be announced %s: is a server running?", moment(due))
	}
	return fmt.Sprintf("was to sign until %s, and signs on until it has a successor: is a server running?", moment(k.RetiredAt))
}

// in is how long it is until t, in words.
func (o outlook) in(t time.Time) string { return span(t.Sub(o.now).Round(time.Second)) }

// missing are the algorithms in use of which there is no key that signs or
// will.
func (o outlook) missing() []string {
	return slices.DeleteFunc(slices.Clone(o.algorithms), func(alg string) bool {
		return slices.ContainsFunc(o.keys, func(k keys.Key) bool {
			return k.Algorithm == alg && !k.VerifyOnly && k.State != keys.StateRevoked
		})
	})
}
