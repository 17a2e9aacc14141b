package config

import (
	"slices"
	"strings"
	"testing"
)

func TestSigningAlgorithms(t *testing.T) {
	const choice = "it must be RS256, PS256, ES256 or EdDSA"
	for text, want := range map[string]string{
		"algorithms: []":             `config.yaml:2: keys.algorithms: is empty; tokens are never unsigned: write [RS256], or take the line out for the same`,
		"algorithms: RS256":          `config.yaml:2: keys.algorithms: must be a list; write it as [first, second] or with "- " before each entry`,
		"algorithms: [ES256, ES256]": `config.yaml:2: keys.algorithms: "ES256" is listed twice`,
		"algorithms: [rs256]":        `config.yaml:2: keys.algorithms: "rs256" must be RS256, PS256, ES256 or EdDSA`,
		"algorithms: [RS256, none]":  `config.yaml:2: keys.algorithms: "none" would leave tokens unsigned, for anyone to write; ` + choice,
		"algorithms: [RS256, HS512]": `config.yaml:2: keys.algorithms: "HS512" signs with a secret that whoever verifies would have to share, and could sign with; ` + choice,
		"algorithms: [RS256, ~]":     `config.yaml:2: keys.algorithms: has an empty entry; write a value or take it out`,
	} {
		// While the list is at fault, clients are not held against it.
		const client = "clients:\n- client_id: a\n  public: true\n  redirect_uris: [https://a.example.com/]\n  id_token_signed_response_alg: EdDSA\n"
		file := write(t, "keys:\n  "+text+"\n"+client)
		_, err := Load(file, nil)
		if err == nil {
			t.Errorf("%s: loads", text)
			continue
		}
		if got := lines(t, file, err); !slices.Equal(got, []string{want}) {
			t.Errorf("%s:\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestSigningAlgorithmsFromAVariable(t *testing.T) {
	cfg, err := Load(write(t, ""), []string{"SIGNET_KEYS_ALGORITHMS=ES256, RS256"})
	if err != nil || !slices.Equal(cfg.Keys.Algorithms, []string{"ES256", "RS256"}) || len(cfg.Warnings) > 0 {
		t.Errorf("%v, %v", cfg, err)
	}
	for value, want := range map[string]string{"": "is empty", "HS256": `"HS256" signs with a secret`} {
		if _, err := Load(write(t, ""), []string{"SIGNET_KEYS_ALGORITHMS=" + value}); err == nil || !strings.HasPrefix(err.Error(), "SIGNET_KEYS_ALGORITHMS: "+want) {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestAClientsAlgorithms(t *testing.T) {
	file := write(t, `keys:
  algorithms: [RS256, ES256]
clients:
- client_id: good
  public: true
  redirect_uris: [https://a.example.com/]
  id_token_signed_response_alg: ES256
  access_token_signed_response_alg: RS256
- client_id: bad
  public: true
  redirect_uris: [https://b.example.com/]
  id_token_signed_response_alg: EdDSA
  access_token_signed_response_alg: PS256
- client_id: worse
  public: true
  redirect_uris: [https://c.example.com/]
  id_token_signed_response_alg: none
  access_token_signed_response_alg: HS256
`)
	_, err := Load(file, nil)
	want := []string{
		`config.yaml:12: clients[1].id_token_signed_response_alg: "EdDSA" is not among keys.algorithms (RS256, ES256); add it there, or choose one of those`,
		`config.yaml:13: clients[1].access_token_signed_response_alg: "PS256" is not among keys.algorithms (RS256, ES256); add it there, or choose one of those`,
		`config.yaml:17: clients[2].id_token_signed_response_alg: "none" would leave tokens unsigned, for anyone to write; it must be RS256, PS256, ES256 or EdDSA`,
		`config.yaml:18: clients[2].access_token_signed_response_alg: "HS256" signs with a secret that whoever verifies would have to share, and could sign with; it must be RS256, PS256, ES256 or EdDSA`,
	}
	if got := lines(t, file, err); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	cfg, err := Load(write(t, "keys: {algorithms: [RS256, ES256]}\nclients:\n- client_id: a\n  public: true\n  redirect_uris: [https://a.example.com/]\n"+
		"  id_token_signed_response_alg: ES256\n  access_token_signed_response_alg: RS256\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	declared, err := cfg.DeclaredClients()
	if err != nil || declared[0].Client.IDTokenSignedResponseAlg != "ES256" || declared[0].Client.AccessTokenSignedResponseAlg != "RS256" {
		t.Errorf("declared as %+v, %v", declared, err)
	}
}

func TestAWarningWithoutRS256(t *testing.T) {
	for list, want := range map[string]int{"[RS256]": 0, "[ES256, RS256]": 0, "[ES256, EdDSA]": 1} {
		cfg, err := Load(write(t, "keys: {algorithms: "+list+"}"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(cfg.Warnings) != want || want > 0 && !strings.HasPrefix(cfg.Warnings[0], "keys.algorithms has no RS256: ") {
			t.Errorf("%s: %q", list, cfg.Warnings)
		}
	}
}
