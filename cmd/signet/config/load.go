package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DefaultFile is what Load reads when it is told no path.
const DefaultFile = "config.yaml"

// Load reads the configuration file at path (DefaultFile when path is empty)
// and the SIGNET_ variables of environ (as os.Environ gives them). Its error
// is a Faults when the configuration itself is at fault.
func Load(path string, environ []string) (*Config, error) {
	file := path
	if file == "" {
		file = DefaultFile
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == "":
		return nil, fmt.Errorf("there is no ./%s here; name a configuration with --config FILE, or start from the %s that comes with signet", DefaultFile, DefaultFile)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file; name a configuration with --config FILE", file)
	case err != nil:
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	return parse(file, text, environ)
}

func parse(file string, text []byte, environ []string) (*Config, error) {
	cfg := Default()
	cfg.File = file
	d := &decoder{file: file, lines: map[string]int{}, all: keyPaths(reflect.TypeFor[Config](), "")}
	d.document(text, cfg)
	e := &environment{cfg: cfg, set: map[string]string{}}
	e.read(environ)

	v := &validator{cfg: cfg, file: file, lines: d.lines, variables: e.set}
	v.faulty(d.faults, e.faults)
	v.resolve()
	v.check()
	faults := append(append(d.faults, e.faults...), v.faults...)
	if len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	return cfg, nil
}

// document reads the one YAML document of text.
func (d *decoder) document(text []byte, cfg *Config) {
	var root, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		return // an empty file: the defaults
	case err != nil:
		d.faults = append(d.faults, syntaxFault(d.file, err))
		return
	}
	if err := dec.Decode(&more); err == nil {
		d.fault(&more, "", "a second document begins here; keep everything in one, without \"---\"")
	} else if !errors.Is(err, io.EOF) {
		d.faults = append(d.faults, syntaxFault(d.file, err))
	}
	d.section(root.Content[0], reflect.ValueOf(cfg).Elem(), "")
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxFault turns "yaml: line 3: …" into a fault at line 3.
func syntaxFault(file string, err error) Fault {
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	f := Fault{File: file, Text: "this is not YAML: " + strings.TrimPrefix(text, "yaml: ")}
	if m != nil {
		f.Text = "this is not YAML: " + text[len(m[0]):]
		f.Line, _ = strconv.Atoi(m[1])
	}
	return f
}

// resolve makes paths start from where they were written, and fills in the
// database, which follows from data_dir.
func (v *validator) resolve() {
	folder := filepath.Dir(v.file)
	place := func(key, path string) string {
		if path == "" || filepath.IsAbs(path) || v.variables[key] != "" {
			return path
		}
		return filepath.Join(folder, path)
	}
	for _, l := range leaves(reflect.ValueOf(v.cfg).Elem(), "") {
		switch l.field.kind {
		case "path":
			l.value.SetString(place(l.path, l.value.String()))
		case "database":
			if path, ok := strings.CutPrefix(l.value.String(), sqlitePrefix); ok {
				l.value.SetString(sqlitePrefix + place(l.path, path))
			}
		}
	}
	if v.cfg.Database == "" {
		v.cfg.Database = sqlitePrefix + filepath.Join(v.cfg.DataDir, "signet.db")
	}
}
