package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// prefix begins the name of every environment variable that is ours.
const prefix = "SIGNET_"

// kubernetesVariable matches what Kubernetes puts into every container beside
// a Service that is called "signet". Those are nobody's configuration, and
// refusing them would keep the server from starting there.
var kubernetesVariable = regexp.MustCompile(`^SIGNET_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// environment overrides a Config by variables and collects what is wrong.
type environment struct {
	cfg    *Config
	faults Faults
	// set is the variable that gave a key its value, by the key's path.
	set map[string]string
}

// VariableName returns the environment variable for the key at path.
func VariableName(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

func (e *environment) fault(variable, path, format string, args ...any) {
	e.faults = append(e.faults, Fault{Variable: variable, Key: path, Text: fmt.Sprintf(format, args...)})
}

func (e *environment) read(environ []string) {
	known, names := map[string]leaf{}, []string{}
	for _, l := range leaves(reflect.ValueOf(e.cfg).Elem(), "") {
		if !l.inList && l.value.Kind() != reflect.Map {
			known[VariableName(l.path)] = l
			names = append(names, VariableName(l.path))
		}
	}
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || kubernetesVariable.MatchString(name) {
			continue
		}
		if l, ok := known[name]; ok {
			e.assign(name, l, value)
		} else if l, ok := known[strings.TrimSuffix(name, "_FILE")]; ok {
			e.assignFile(name, l, value)
		} else {
			e.unknown(name, names)
		}
	}
}

// assign sets a key from a variable; a list is divided by commas.
func (e *environment) assign(name string, l leaf, value string) {
	if other, twice := e.set[l.path]; twice {
		e.fault(name, l.path, "%s sets the same key; keep one", other)
		return
	}
	e.set[l.path] = name
	var err error
	if l.value.Kind() == reflect.Slice {
		err = setList(l.value, splitList(value))
	} else {
		err = setScalar(l.value, value)
	}
	if err != nil {
		e.fault(name, l.path, "%s", err)
	}
}

// assignFile sets a key from the content of a file.
func (e *environment) assignFile(name string, l leaf, file string) {
	content, err := os.ReadFile(file)
	if err != nil {
		e.fault(name, l.path, "cannot read the file it names: %s", err)
		return
	}
	e.assign(name, l, strings.TrimRight(string(content), "\r\n"))
}

func (e *environment) unknown(name string, names []string) {
	for _, section := range []string{"clients", "scopes"} {
		if v := VariableName(section); name == v || strings.HasPrefix(name, v+"_") {
			e.fault(name, section, "%s cannot be set by a variable; write them in the configuration file", section)
			return
		}
	}
	if near := Nearest(name, append(names, fileVariants(names)...)); near != "" {
		e.fault(name, "", "unknown variable; did you mean %s?", near)
		return
	}
	e.fault(name, "", "unknown variable; a key's variable is its path in capitals, such as %s for tokens.access_ttl", VariableName("tokens.access_ttl"))
}

func fileVariants(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = name + "_FILE"
	}
	return out
}

func splitList(value string) []string {
	var parts []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
