package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// clientsFile is a file of clients alone.
type clientsFile struct {
	Clients []Client `config:"clients"`
}

// ReadClients reads a file of clients, in YAML or JSON: a list of them, a list
// under the key clients, as in config.yaml, or one client by itself. Paths in it start from folder. Its
// error is a Faults.
func ReadClients(file, folder string, text []byte) ([]Client, error) {
	if json.Valid(text) {
		// YAML takes no tabs, and outside of its strings JSON has them for blanks.
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
	}
	var read clientsFile
	d := &decoder{file: file, lines: map[string]int{}, all: keyPaths(reflect.TypeFor[clientsFile](), ""), patch: true}
	d.clientsDocument(text, &read)
	for i := range read.Clients {
		c := &read.Clients[i]
		if c.ClientID == "" {
			d.faults = append(d.faults, c.Fault("client_id", "is missing; every client of a file has one"))
		}
		if c.ClientSecretFile != "" && !filepath.IsAbs(c.ClientSecretFile) {
			c.ClientSecretFile = filepath.Join(folder, c.ClientSecretFile)
		}
		if method := c.Metadata.TokenEndpointAuthMethod; c.Public && method != "" && method != "none" {
			d.faults = append(d.faults, c.Fault("public", "is true, but token_endpoint_auth_method is %s; take one of the two out", method))
		}
	}
	if len(d.faults) > 0 {
		d.faults.sort()
		return nil, d.faults
	}
	return read.Clients, nil
}

func (d *decoder) clientsDocument(text []byte, to *clientsFile) {
	var root, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		d.faults = append(d.faults, Fault{File: d.file, Text: "is empty; write \"clients: []\" for no client at all"})
		return
	case err != nil:
		d.faults = append(d.faults, syntaxFault(d.file, err))
		return
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		d.faults = append(d.faults, Fault{File: d.file, Line: more.Line, Text: "a second document begins here; keep everything in one, without \"---\""})
	}
	v := reflect.ValueOf(to).Elem()
	top := follow(root.Content[0])
	if hasKey(top, "client_id") {
		top = &yaml.Node{Kind: yaml.SequenceNode, Line: top.Line, Content: []*yaml.Node{top}}
	}
	if top.Kind == yaml.SequenceNode {
		d.sections(top, v.Field(0), "clients")
		return
	}
	d.section(root.Content[0], v, "")
	if _, there := d.lines["clients"]; !there && len(d.faults) == 0 {
		d.fault(root.Content[0], "", "has no clients; write \"clients: []\" for no client at all")
	}
}

func hasKey(n *yaml.Node, name string) bool {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}
