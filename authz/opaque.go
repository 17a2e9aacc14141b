package authz

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// maxOpaque is the size in bytes of the largest opaque access token that is
// made or looked at, the same as of a JWT.
const maxOpaque = 16 << 10

// accessToken returns an opaque access token:
//
//	sga_ base64url( jti ‖ AES-256-GCM( claims ) )
//
// It holds its claims itself, so that no row is written for it, encrypted, so
// that nobody reads them who has not asked for them here. The key is derived
// from the jti, 128 random bits, and so seals one token: the nonce can be zero,
// and there is no bound on how many tokens are made (with random nonces under
// one key it would be 2^32, NIST SP 800-38D, section 8.3).
func (c *credentials) accessToken(jti string, claims []byte) (string, error) {
	id, err := hex.DecodeString(jti)
	if err != nil || len(id) != grantIDBytes {
		return "", fmt.Errorf("token id %q is malformed", jti)
	}
	aead, err := c.accessCipher(id)
	if err != nil {
		return "", err
	}
	token := accessPrefix + c.encoding.EncodeToString(aead.Seal(id, make([]byte, aead.NonceSize()), claims, nil))
	if len(token) > maxOpaque {
		return "", fmt.Errorf("an opaque access token of %d bytes would be too large", len(token))
	}
	return token, nil
}

// parseAccessToken returns the id and the claims of an opaque access token.
func (c *credentials) parseAccessToken(token string) (jti string, claims []byte, err error) {
	body, ok := strings.CutPrefix(token, accessPrefix)
	// encoding/base64 skips line breaks, even when strict.
	if !ok || len(token) > maxOpaque || strings.ContainsAny(body, "\r\n") {
		return "", nil, errCredential
	}
	b, err := c.encoding.DecodeString(body)
	if err != nil || len(b) < grantIDBytes {
		return "", nil, errCredential
	}
	id, sealed := b[:grantIDBytes], b[grantIDBytes:]
	aead, err := c.accessCipher(id)
	if err != nil {
		return "", nil, err
	}
	if claims, err = aead.Open(nil, make([]byte, aead.NonceSize()), sealed, nil); err != nil {
		return "", nil, errCredential
	}
	return hex.EncodeToString(id), claims, nil
}

// accessCipher is the cipher of the one token with this id.
func (c *credentials) accessCipher(id []byte) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, c.accessKey)
	mac.Write(id)
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealAccessToken makes an opaque access token that holds c.
func (p *Provider) sealAccessToken(c *accessClaims) (string, error) {
	claims, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("marshal claims: %w", err)
	}
	token, err := p.credentials.accessToken(c.ID, claims)
	if len(token) > tokenSizeWarning {
		p.cfg.Logger.Warn("a token is large; some servers refuse headers of this size",
			slog.String("client_id", c.ClientID), slog.String("typ", "opaque access token"), slog.Int("bytes", len(token)))
	}
	return token, err
}

// openAccessToken reads the claims of an opaque access token into c. It returns
// errCredential for what is none.
func (p *Provider) openAccessToken(token string, c *accessClaims) error {
	id, claims, err := p.credentials.parseAccessToken(token)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(claims, c); err != nil {
		return fmt.Errorf("%w: %w", errToken, err)
	}
	if c.ID != id {
		return fmt.Errorf("%w: its claims have another id", errToken)
	}
	return nil
}
