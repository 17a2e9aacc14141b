package config

import (
	"strings"
	"testing"
)

func TestAdminListen(t *testing.T) {
	for text, want := range map[string]string{
		"admin: {listen: \"127.0.0.1:9097\"}":                         "",
		"admin: {enabled: false}":                                     "",
		"admin: {listen: here}":                                       `"here" is not an address and a port`,
		"admin: {listen: \"127.0.0.1:99999\"}":                        "is not an address and a port",
		"listen: \"127.0.0.1:9096\"\nadmin: {listen: 127.0.0.1:9096}": "is the same as listen",
		"admin: {enabled: false, listen: \"127.0.0.1:9097\"}":         "admin.enabled is false",
		"admin: {enable: true}":                                       "did you mean",
		"scopes: {\"signet:write\": Anything}":                        "is a standard scope",
	} {
		_, err := parse("config.yaml", []byte(text), nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
