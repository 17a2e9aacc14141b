package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/cmd/signet/config"
	"signet/keys"
)

func newKeysRevoke(a *app) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke KID",
		Short: "Take a key out at once, because somebody else may know it",
		Long: `Take a key out at once, because somebody else may know its private part. It
neither signs nor verifies any more, and every token that it signed is void. If
it was the one that signs, the announced key takes over, or a new one. It cannot
be undone. Nothing has to be restarted.

"signet keys rotate" replaces a key that is not known to anybody.`,
		Example: `  signet keys revoke P0wFqyVbHUYRWOIVrVXhxDGFqJsQsGxIpkN2cJHMPtc --reason "laptop with a backup was stolen"
  signet keys revoke --reason "a kid that begins with a dash" -- -0wFqyVbHUYRWOIVrVXhxDGFqJsQsGxIpkN2cJHMPtc`,
		Args: takes("KID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason = strings.TrimSpace(reason); reason == "" {
				return usagef("--reason is missing; say why, for those who read the log and \"signet keys list\" later")
			}
			return a.changeKeys(cmd.Context(), func(room keyRoom) error { return a.revokeKey(cmd.Context(), room, args[0], reason) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (`TEXT`); it is stored with the key and logged")
	// One thumbprint in 64 begins with a dash.
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if err = flagError(cmd, err); !strings.HasPrefix(err.Error(), "unknown") || strings.Contains(err.Error(), "did you mean") {
			return err
		}
		return usagef("%s; a KID that begins with a dash goes last, after --", err)
	})
	return cmd
}

// revocation is what `keys revoke --json` prints.
type revocation struct {
	shownKey
	Successor          *shownKey `json:"successor,omitempty"`
	SuccessorAnnounced bool      `json:"successor_announced,omitempty"`
	TokensSince        time.Time `json:"tokens_since,omitzero"`
	GoneBy             time.Time `json:"gone_by"`
}

func (a *app) revokeKey(ctx context.Context, room keyRoom, kid, reason string) error {
	before, err := room.find(kid)
	if err != nil {
		return err
	}
	v, err := room.ring.Revoke(ctx, kid, reason)
	if err != nil {
		return err
	}
	if a.json {
		shown := revocation{a.showKey(v.Revoked), nil, v.SuccessorAnnounced, v.TokensSince, v.GoneBy}
		if v.Successor != nil {
			next := a.showKey(*v.Successor)
			shown.Successor = &next
		}
		return a.printJSON(shown)
	}
	if before.State == keys.StateRevoked {
		a.say("Key %s was revoked %s: %s. Nothing has changed.", kid, moment(v.Revoked.RevokedAt), v.Reason)
		return nil
	}
	a.say("Key %s (%s) is revoked: it neither signs nor verifies. Other nodes follow within %s.",
		kid, v.Revoked.Algorithm, config.FormatDuration(room.conf.ReloadEvery))
	a.say("")
	return a.pairs(
		pair{"signs now", a.whoSigns(room, before, v)},
		pair{"void", a.whatDies(room.cfg, before, v)},
		pair{"still taken", fmt.Sprintf("by verifiers that have cached the JWKS, forged tokens too, until\n%s at the latest; restarting an API empties its cache sooner", moment(v.GoneBy))},
		pair{"next", "if the sealing key may be known too, so are all keys: run\n\"signet keys rekey --new-file FILE\", and when all nodes have the new one,\nrevoke every key that \"signet keys list\" shows, the announced ones first"},
	)
}

// whoSigns says which key signs after a revocation.
func (a *app) whoSigns(room keyRoom, before keys.Key, v keys.Revocation) string {
	switch now := room.active(before.Algorithm); {
	case v.Successor != nil && v.SuccessorAnnounced:
		return fmt.Sprintf("%s,\nannounced %s, so every verifier has it", v.Successor.KID, moment(v.Successor.AnnouncedAt))
	case v.Successor != nil:
		known := room.knownBy(*v.Successor)
		return fmt.Sprintf("%s;\nverifiers that have cached the JWKS may refuse its tokens until %s\n(for %s), unless they fetch it anew when they meet an unknown kid",
			v.Successor.KID, moment(known), a.until(known))
	case now != "":
		return now + ", as before"
	}
	return "no key: " + before.Algorithm + " is not in use"
}

// whatDies says which tokens are void after a revocation.
func (a *app) whatDies(cfg *config.Config, before keys.Key, v keys.Revocation) string {
	switch {
	case before.VerifyOnly:
		return "the tokens of the other issuer that it signed"
	case before.State == keys.StateAnnounced:
		return "no token, for it has not signed any; a running server announces another in its place"
	case v.TokensSince.IsZero():
		return "no token, for all that it signed have expired"
	}
	return fmt.Sprintf("every token that it signed since %s:\naccess tokens, which live for %s, and ID tokens (%s);\nnot refresh tokens, codes and sessions, which are no JWTs: apps get new tokens by refreshing",
		moment(v.TokensSince), config.FormatDuration(cfg.Tokens.AccessTTL), config.FormatDuration(cfg.Tokens.IDTTL))
}
