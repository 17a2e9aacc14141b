package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// stormToken is a token, and what of it a diagnosis needs.
type stormToken struct {
	raw, header, kid string
	node             string
	asked, got, exp  time.Time
}

// issueToken is one request of a client for a token of its own (RFC 6749,
// section 4.4).
func issueToken(client *http.Client, issuer, secret string) (stormToken, error) {
	token := stormToken{asked: time.Now()}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"job"}, "client_secret": {secret}}
	resp, err := client.PostForm(issuer+"/oauth2/token", form)
	if err != nil {
		return token, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return token, err
	}
	if resp.StatusCode != http.StatusOK {
		return token, fmt.Errorf("%d %s", resp.StatusCode, raw)
	}
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return token, err
	}
	token.raw, token.got, token.node = body.Token, time.Now(), resp.Header.Get(nodeHeader)
	if err := token.read(); err != nil {
		return token, fmt.Errorf("%w: %s", err, token.raw)
	}
	return token, nil
}

// read takes from the token what nobody has verified yet.
func (t *stormToken) read() error {
	parts := strings.Split(t.raw, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%d parts", len(parts))
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return err
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var h struct{ Kid string }
	if err := json.Unmarshal(header, &h); err != nil {
		return err
	}
	var p struct{ Exp int64 }
	if err := json.Unmarshal(payload, &p); err != nil {
		return err
	}
	t.header, t.kid, t.exp = string(header), h.Kid, time.Unix(p.Exp, 0)
	return nil
}

func (t stormToken) String() string {
	return fmt.Sprintf("token: %s, asked for at %s, got at %s from node %q, expires at %s", t.header, clockTime(t.asked), clockTime(t.got), t.node, clockTime(t.exp))
}

func clockTime(t time.Time) string { return t.Format("15:04:05.000") }
