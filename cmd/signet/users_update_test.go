package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestUsersUpdate(t *testing.T) {
	c := newCLI(t, "")
	c.stdin = "correct horse battery\n"
	made := c.object("users", "create", "--email", "ada@example.com", "--email-verified", "--group", "staff", "--password-stdin",
		"--attribute", "dept=sales", "--attribute", "level=3", "--attribute", "remote=true", "--attribute", `tags=["a","b"]`, "--attribute", "room=007=x", "--attribute", `quoted="x"`)
	want := map[string]any{"dept": "sales", "level": 3.0, "remote": true, "tags": []any{"a", "b"}, "room": "007=x", "quoted": `"x"`}
	if !reflect.DeepEqual(made["attributes"], want) {
		t.Errorf("got %v", made["attributes"])
	}
	got := c.object("users", "update", "ada@example.com", "--attribute", "level=", "--attribute", "dept=it", "--group", "ops", "--group", "staff", "--remove-group", "nobody", "--name", "Ada L")
	delete(want, "level")
	want["dept"] = "it"
	if !reflect.DeepEqual(got["attributes"], want) || !reflect.DeepEqual(got["groups"], []any{"staff", "ops"}) || got["name"] != "Ada L" ||
		got["email"] != "ada@example.com" || got["email_verified"] != true || got["sub"] != made["sub"] {
		t.Errorf("got %v", got)
	}
	// Whoever signs in with the address alone goes on doing so; it has to be
	// verified again.
	got = c.object("users", "update", "ada@example.com", "--email", "ada@example.org", "--remove-group", "staff")
	if got["email"] != "ada@example.org" || got["username"] != "ada@example.org" || got["email_verified"] != false || !reflect.DeepEqual(got["groups"], []any{"ops"}) {
		t.Errorf("got %v", got)
	}
	if got := c.object("users", "update", "ada@example.org", "--email-verified"); got["email_verified"] != true || got["name"] != "Ada L" {
		t.Errorf("got %v", got)
	}
	if out := c.must("users", "show", "ada@example.org"); !strings.Contains(out, `tags=["a","b"]`) || !strings.Contains(out, "dept=it") {
		t.Errorf("got %s", out)
	}
	if all := c.array("users", "list"); !reflect.DeepEqual(all[0]["attributes"], want) {
		t.Errorf("got %v", all)
	}
}

func TestUsersUpdateRefused(t *testing.T) {
	c := newCLI(t, "")
	c.stdin = "correct horse battery\n"
	for _, name := range []string{"ada", "bob"} {
		c.must("users", "create", "--username", name, "--email", name+"@example.com", "--password-stdin")
	}
	before := c.object("users", "show", "ada")
	c.refused(`signet: there is nobody called "eve"; "signet users list" shows all`, "users", "update", "eve", "--name", "x")
	c.refused(`signet: the email address "bob@example.com" belongs to someone already; "signet users list" shows all`, "users", "update", "ada", "--email", "bob@example.com")
	for want, args := range map[string][]string{
		"email must be an email address":                            {"--email", "x"},
		`attributes "Dept" is no name; it must be 1 to 64 of a-z`:   {"--attribute", "Dept=x"},
		`attributes a: must be a text, a number, true or false, or`: {"--attribute", "a=[1]"},
	} {
		code, out, errs := c.run(append([]string{"users", "update", "ada"}, args...)...)
		if code != exitRefused || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d, %s%s", args, code, out, errs)
		}
	}
	for want, args := range map[string][]string{
		"nothing to change":                       nil,
		`--attribute "dept" is not NAME=VALUE`:    {"--attribute", "dept"},
		"--attribute dept is given twice":         {"--attribute", "dept=a", "--attribute", "dept=b"},
		`the group "a" is in both --group and --`: {"--group", "a", "--remove-group", "a"},
	} {
		if code, _, errs := c.run(append([]string{"users", "update", "ada"}, args...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d, %s", args, code, errs)
		}
	}
	if after := c.object("users", "show", "ada"); !reflect.DeepEqual(after, before) {
		t.Errorf("the refused updates changed %v to %v", before, after)
	}
}
