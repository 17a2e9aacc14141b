package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestUsers(t *testing.T) {
	c := newCLI(t, "")
	if got := c.must("users", "list"); got != "Nobody yet; \"signet users create\" adds someone.\n" {
		t.Errorf("got %s", got)
	}
	c.stdin = "correct horse battery\n"
	made := c.object("users", "create", "--username", "Ada", "--email", "ada@example.com", "--name", "Ada L", "--group", "staff", "--group", "ops", "--admin", "--email-verified", "--password-stdin")
	if made["sub"] == "" || made["username"] != "Ada" || made["email"] != "ada@example.com" || made["email_verified"] != true ||
		made["name"] != "Ada L" || len(made["groups"].([]any)) != 2 || made["admin"] != true || made["disabled"] != false || made["has_password"] != true {
		t.Errorf("got %v", made)
	}
	if got := c.object("users", "create", "--email", "bob@example.com", "--password-stdin"); got["username"] != "bob@example.com" {
		t.Errorf("without --username: %v", got)
	}
	for _, name := range []string{"ada", "ADA", "Ada@Example.com", made["sub"].(string)} {
		if got := c.object("users", "show", name); got["sub"] != made["sub"] {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if got := c.object("users", "disable", "ada"); got["disabled"] != true || got["name"] != "Ada L" {
		t.Errorf("got %v", got)
	}
	want := []string{
		"USERNAME EMAIL NAME GROUPS ADMINISTRATOR STATE",
		"Ada ada@example.com Ada L staff ops yes disabled",
		"bob@example.com bob@example.com - - - enabled",
	}
	if got := rows(c.must("users", "list")); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := c.array("users", "list"); len(got) != 2 || got[1]["admin"] != false {
		t.Errorf("got %v", got)
	}
	if got := c.object("users", "disable", "ada", "--undo"); got["disabled"] != false {
		t.Errorf("got %v", got)
	}
	c.stdin = "another long password"
	if out := c.must("users", "set-password", "ada", "--password-stdin"); strings.Contains(out, "another long") || strings.Contains(out, "argon2") {
		t.Errorf("a password or its hash is shown: %s", out)
	}
}

func TestUsersRefusedInOneLine(t *testing.T) {
	c := newCLI(t, "")
	c.stdin = "correct horse battery\n"
	c.must("users", "create", "--username", "ada", "--password-stdin")
	nobody := `signet: there is nobody called "bob"; "signet users list" shows all`
	c.refused(nobody, "users", "show", "bob")
	c.refused(nobody, "users", "disable", "bob")
	c.refused(nobody, "users", "set-password", "bob", "--password-stdin")
	c.refused(`signet: the username "ADA" or the email address "" belongs to someone already; "signet users list" shows all`, "users", "create", "--username", "ADA", "--password-stdin")
	c.refused(`signet: there is no terminal to ask for the password on; pipe it in with --password-stdin`, "users", "create", "--username", "bob")
	c.stdin = "\n"
	c.refused(`signet: the password is empty; nothing was changed`, "users", "create", "--username", "bob", "--password-stdin")
	c.refused(`signet: the password is empty; nothing was changed`, "users", "set-password", "ada", "--password-stdin")
	c.stdin = "short"
	code, _, errs := c.run("users", "create", "--username", "b b", "--email", "x", "--password-stdin")
	if code != exitRefused || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "username ") || !strings.Contains(errs, "email ") || !strings.Contains(errs, "password ") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestAPasswordIsAskedForTwice(t *testing.T) {
	c := newCLI(t, "")
	answers := func(list ...string) {
		c.prompt = func(string) (string, error) {
			if len(list) == 0 {
				return "", errors.New("the terminal is gone")
			}
			answer := list[0]
			list = list[1:]
			return answer, nil
		}
	}
	answers("correct horse", "correct house")
	c.refused("signet: the two passwords are not the same; nothing was changed, try again", "users", "create", "--username", "ada")
	answers("correct horse")
	c.refused("signet: cannot read the password: the terminal is gone", "users", "create", "--username", "ada")
	answers("correct horse", "correct horse")
	if got := c.object("users", "create", "--username", "ada"); got["has_password"] != true {
		t.Errorf("got %v", got)
	}
}
