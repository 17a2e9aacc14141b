package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestForwardAuthHosts(t *testing.T) {
	cfg, err := Load(write(t, "forward_auth:\n  hosts:\n    - host: wiki.example.com\n      name: The wiki\n      groups: [staff, editors]\n    - host: 127.0.0.1:8081\n    - host: \"[::1]:8081\"\n"), nil)
	want := []ForwardHost{{Host: "wiki.example.com", Name: "The wiki", Groups: []string{"staff", "editors"}}, {Host: "127.0.0.1:8081"}, {Host: "[::1]:8081"}}
	if err != nil || !reflect.DeepEqual(cfg.ForwardAuth.Hosts, want) {
		t.Errorf("%v, %+v", err, cfg)
	}
	for _, bad := range []string{
		"https://wiki.example.com", "wiki.example.com/", "*.example.com", "Wiki.example.com", "wiki.example.com:443", "wiki.example.com.",
		"user@wiki.example.com", "wiki.example.com:0", "a b", "a\\b", "", "127.0.0.1:9096", "bücher.example", "-a.example",
	} {
		file := write(t, "forward_auth:\n  hosts:\n    - host: '"+bad+"'\n")
		_, err := Load(file, nil)
		if err == nil {
			t.Errorf("%q is taken", bad)
			continue
		}
		if got := lines(t, file, err); len(got) != 1 || !strings.HasPrefix(got[0], "config.yaml:3: forward_auth.hosts[0].host:") {
			t.Errorf("%q: %q", bad, got)
		}
	}
	for name, text := range map[string]string{
		"twice":          "    - host: a.test\n    - host: a.test\n",
		"empty group":    "    - host: a.test\n      groups: [\"\"]\n",
		"a key misspelt": "    - host: a.test\n      group: [staff]\n",
	} {
		if _, err := Load(write(t, "forward_auth:\n  hosts:\n"+text), nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
