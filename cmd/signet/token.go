package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/config"
	"signet/keys"
)

func newToken(a *app) *cobra.Command {
	return group("token", "Look into tokens", newTokenInspect(a), newTokenPreview(a))
}

func newTokenInspect(a *app) *cobra.Command {
	var jwksURL string
	var idToken bool
	cmd := &cobra.Command{
		Use:   "inspect JWT",
		Short: "Decode a JWT, verify it, and say in words what is wrong with it",
		Long: `Decode a JWT (- reads it from standard input), verify it as an API would, and
say in words what is wrong with it. It exits with 1 when the token is not valid.
The keys are those of the local database, or of any JWKS with --jwks; then no
configuration is read and the issuer is not compared.`,
		Args: takes("JWT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			token, err := a.tokenArgument(args[0])
			if err != nil {
				return err
			}
			want := expectation{kind: kindAccess, now: a.now()}
			if idToken {
				want.kind = kindID
			}
			var in inspection
			if jwksURL != "" {
				in, err = inspectRemote(cmd.Context(), token, want, jwksURL)
			} else {
				in, err = a.inspectLocal(cmd.Context(), token, want)
			}
			if err != nil {
				return err
			}
			return a.printInspection(in)
		},
	}
	cmd.Flags().StringVar(&jwksURL, "jwks", "", "verify with the JWKS at `URL` instead of the local keys")
	cmd.Flags().BoolVar(&idToken, "id-token", false, "the token is meant to be an ID token, not an access token")
	return cmd
}

// tokenArgument is the token itself, without what people copy along with it.
func (a *app) tokenArgument(arg string) (string, error) {
	if arg == "-" {
		content, err := io.ReadAll(io.LimitReader(a.stdin, 64<<10))
		if err != nil {
			return "", fmt.Errorf("cannot read the token from standard input: %w", err)
		}
		arg = string(content)
	}
	arg = strings.TrimSpace(arg)
	if len(arg) > 7 && strings.EqualFold(arg[:7], "bearer ") {
		arg = strings.TrimSpace(arg[7:])
	}
	if arg == "" {
		return "", errors.New("there is no token; give it as an argument, or - to read it from standard input")
	}
	return arg, nil
}

// inspectLocal verifies against this server's own keys, issuer and list of
// revoked tokens.
func (a *app) inspectLocal(ctx context.Context, token string, want expectation) (in inspection, err error) {
	err = a.withKeys(ctx, func(cfg *config.Config, st *store.Store, ring *keys.Ring) error {
		set, err := ring.JWKS()
		if err != nil {
			return err
		}
		if want.keys, err = keys.ParseJWKS(set.Body); err != nil {
			return err
		}
		want.issuer = cfg.Issuer
		in = inspect(token, want)
		for _, k := range ring.Keys() {
			switch {
			case k.KID != in.kid:
			case k.State == keys.StateRemoved:
				in.problem("its key was removed at %s, when every token it had signed was long expired", moment(k.RemovedAt))
			case k.State == keys.StateRevoked:
				in.problem("its key was revoked at %s: %s", moment(k.RevokedAt), k.RevokedReason)
			}
		}
		if !in.Valid || in.claims.JTI == "" {
			return nil
		}
		revoked, err := st.TokenRevoked(ctx, in.claims.JTI)
		if revoked {
			in.problem("it was revoked")
		}
		return err
	})
	return in, err
}

// inspectRemote verifies against the JWKS at url.
func inspectRemote(ctx context.Context, token string, want expectation, url string) (inspection, error) {
	body, err := fetchJWKS(ctx, url)
	if err == nil {
		want.keys, err = keys.ParseJWKS(body)
	}
	if err != nil {
		return inspection{}, fmt.Errorf("cannot get the JWKS from %s: %w", url, err)
	}
	return inspect(token, want), nil
}

// maxJWKS is the largest JWKS that is read.
const maxJWKS = 1 << 20

func fetchJWKS(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, errors.Unwrap(err) // the outer one repeats the URL
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxJWKS))
}

// printInspection prints what the token says; that it is not valid is an
// error.
func (a *app) printInspection(in inspection) error {
	var err error
	if a.json {
		err = a.printJSON(in)
	} else {
		err = a.printDecoded(in)
	}
	if !in.Valid {
		return errors.Join(err, fmt.Errorf("the token is not valid: %s", strings.Join(in.Problems, "; ")))
	}
	return err
}

func (a *app) printDecoded(in inspection) error {
	for _, part := range []struct {
		name string
		text json.RawMessage
	}{{"header", in.Header}, {"claims", in.Claims}} {
		if part.text == nil {
			continue
		}
		if err := a.printIndented(part.name, part.text); err != nil {
			return err
		}
	}
	if in.claims.IssuedAt != nil {
		a.say("issued   %s", moment(unixTime(*in.claims.IssuedAt)))
	}
	if in.claims.ExpiresAt == nil {
		return nil
	}
	end := unixTime(*in.claims.ExpiresAt)
	a.say("expires  %s", moment(end))
	if in.Valid {
		kind := map[string]string{kindAccess: "access token", kindID: "ID token"}[in.TokenType]
		a.say("This is a valid %s, for another %s.", kind, span(end.Sub(a.now())))
	}
	return nil
}

// printObject writes an object under its name.
func (a *app) printObject(name string, object map[string]any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return a.printIndented(name, text)
}

func (a *app) printIndented(name string, text json.RawMessage) error {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, name)
	for line := range strings.Lines(out.String()) {
		fmt.Fprintln(a.stdout, "  "+clean(strings.TrimSuffix(line, "\n")))
	}
	return nil
}
