package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const shipped = "../../../config.yaml"

// commentedKey is a key that the shipped file leaves commented out: "#" and no
// space. What begins with "# " is prose.
var commentedKey = regexp.MustCompile(`(?m)^( *)#([a-z-])`)

// uncommented is the shipped file with every key in use.
func uncommented(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	return commentedKey.ReplaceAll(text, []byte("$1$2"))
}

func TestShippedConfigIsTheDefaults(t *testing.T) {
	got, err := Load(shipped, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parse(shipped, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want.TrustedProxies = got.TrustedProxies // an empty list for none
	if len(got.TrustedProxies) != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("the shipped file says\n%+v\nbut the defaults are\n%+v", got, want)
	}
}

func TestShippedConfigMovesWithDataDir(t *testing.T) {
	dir := t.TempDir()
	cfg, err := Load(shipped, []string{"SIGNET_DATA_DIR=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Database != "sqlite:"+dir+"/signet.db" || cfg.ServerKeyFile != "" || cfg.Keys.SealingKeyFile != "" {
		t.Errorf("the database or a secret stays behind: %+v", cfg)
	}
}

func TestShippedConfigExplainsEveryKey(t *testing.T) {
	var root yaml.Node
	if err := yaml.Unmarshal(uncommented(t), &root); err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	explainedKeys(root.Content[0], reflect.TypeFor[Config](), "", explained)
	known := keyPaths(reflect.TypeFor[Config](), "")
	for _, path := range known {
		if !explained[path] {
			t.Errorf("%s is not in config.yaml, or has no comment above it", path)
		}
	}
	for path := range explained {
		if !slices.Contains(known, path) {
			t.Errorf("config.yaml has %s, which is no key", path)
		}
	}
}

// explainedKeys notes the path of every key of n that has a comment above it.
func explainedKeys(n *yaml.Node, in reflect.Type, under string, found map[string]bool) {
	types := map[string]reflect.Type{}
	for _, f := range fieldsOf(in) {
		if f.ofClient != nil {
			continue // a field of a client has no keys below it
		}
		types[f.name] = in.Field(f.index).Type
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		path := join(under, key.Value)
		found[path] = found[path] || key.HeadComment != "" || i == 0 && n.HeadComment != ""
		switch ft := types[key.Value]; {
		case ft == nil:
		case ft.Kind() == reflect.Struct:
			explainedKeys(value, ft, path, found)
		case isSection(ft):
			for _, item := range value.Content {
				explainedKeys(item, ft.Elem(), path+"[]", found)
			}
		}
	}
}

func TestShippedExampleOfAClientLoads(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.yaml":               string(uncommented(t)),
		"secrets/shop":              strings.Repeat("s", 32) + "\n",
		"secrets/partner-jwks.json": `{"keys": []}`,
		"data/secrets/server.key":   strings.Repeat("k", 32),
		"data/secrets/sealing.key":  strings.Repeat("k", 32),
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writePair(t, dir)
	copyFile(t, filepath.Join(dir, "tls", "cert.pem"), filepath.Join(dir, "tls", "ca.pem"))
	cfg, err := Load(filepath.Join(dir, "config.yaml"), []string{"SIGNET_ISSUER=https://127.0.0.1:9096"})
	if err != nil {
		t.Fatal(err)
	}
	declared, err := cfg.DeclaredClients()
	if err != nil {
		t.Fatal(err)
	}
	if len(declared) != 1 || declared[0].Client.ID != "shop" || declared[0].PlainSecrets[0] != strings.Repeat("s", 32) {
		t.Errorf("the example client reads as %d clients, %q", len(declared), declared[0].Client.ID)
	}
	if cfg.Scopes["orders:read"] != "See your orders" {
		t.Errorf("scopes are %v", cfg.Scopes)
	}
}
