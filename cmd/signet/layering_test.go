package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type room struct {
	dir        string
	ours       []string
	frameworks []string
	// tests are libraries that the room's tests may use beside.
	tests []string
}

// rooms says which of our packages each room may import, and which frameworks
// live in it. If you need a framework in another room, the code is in the
// wrong room.
var rooms = []room{
	{"clients", nil, nil, nil},
	// Others copy it into their own modules.
	{"keys/verify", nil, []string{"github.com/go-jose/go-jose/v4"}, nil},
	{"keys", nil, []string{"github.com/go-jose/go-jose/v4"}, []string{"github.com/ThalesGroup/crypto11"}},
	{"authz/fetch", nil, nil, nil},
	{"authz/login", nil, []string{"golang.org/x/crypto/argon2", "golang.org/x/text"}, nil},
	{"authz/storetest", []string{"authz", "authz/login", "clients", "keys"}, []string{"github.com/jackc/pgx/v5"}, nil},
	{"authz/store", []string{"authz", "authz/login", "clients", "keys"}, []string{"gorm.io", "github.com/pressly/goose/v3", "github.com/mattn/go-sqlite3", "github.com/jackc/pgx/v5"}, nil},
	{"authz", []string{"clients", "keys", "authz/login", "authz/fetch"}, []string{"github.com/ory/fosite"}, nil},
	{"web", []string{"authz", "authz/login", "clients"}, []string{"github.com/labstack/echo/v4"}, nil},
	{"cmd", []string{"authz", "authz/fetch", "authz/login", "authz/store", "authz/storetest", "clients", "keys", "keys/verify", "web", "cmd"}, nil, nil},
}

// TestLayering keeps the rooms of the house apart. Tests may use what their
// room may, the conformance suite, and test libraries.
func TestLayering(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, file)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || rel == "docs" || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go"):
			return nil
		}
		checkImports(t, file, filepath.ToSlash(filepath.Dir(rel)), strings.HasSuffix(file, "_test.go"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, file, dir string, test bool) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rooms, func(r room) bool { return within(dir, r.dir) })
	if i < 0 {
		t.Errorf("%s stands in no room", file)
		return
	}
	for _, spec := range parsed.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if !rooms[i].allows(name, dir, test) {
			t.Errorf("%s imports %s, which does not belong in %s", file, name, rooms[i].dir)
		}
	}
}

// allows reports whether a file of this room, in dir, may import name.
func (r room) allows(name, dir string, test bool) bool {
	if own, ok := strings.CutPrefix(name, "signet/"); ok {
		suite := test && own == "authz/storetest" && within(dir, "authz")
		return suite || own == dir || own == r.dir || slices.ContainsFunc(r.ours, func(o string) bool {
			return own == o || (o == "cmd" && within(own, "cmd"))
		})
	}
	standard := !strings.Contains(strings.Split(name, "/")[0], ".")
	if standard || (test && within(name, "golang.org/x")) {
		return true
	}
	libraries := r.frameworks
	if test {
		libraries = slices.Concat(libraries, r.tests)
	}
	return r.dir == "cmd" || slices.ContainsFunc(libraries, func(f string) bool { return within(name, f) })
}

// within reports whether the package path p is dir or lies below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// TestTopLevel keeps the top of the tree to what the house consists of.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"cmd", "authz", "clients", "keys", "web", "config.yaml", "go.mod", "go.sum", "README.md", "docs", "Makefile", "LICENSE", "CHANGELOG.md",
		"data", "bin"} // what `signet serve` and `make build` make; not in the repository
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(known, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}
