package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"signet/clients"
	"signet/cmd/signet/config"
)

// clientFlags are the flags that describe a client: one for each field of
// clients.Fields, and those that are no field.
type clientFlags struct {
	fields     []*fieldFlag
	localized  []string
	public     bool
	secretFile string
	set        *pflag.FlagSet
}

// flagOf is the flag for a field that clients.FieldError names, or "".
func flagOf(field string) string {
	base, _, tagged := strings.Cut(field, "#")
	f, known := clients.FieldNamed(base)
	switch {
	case field == "client_id":
		return "id"
	case field == "client_secret":
		return "secret-file"
	case tagged:
		return "localized"
	case known:
		return f.Flag
	}
	return ""
}

func (f *clientFlags) register(a *app, set *pflag.FlagSet) {
	f.set = set
	for _, field := range clients.Fields() {
		one := &fieldFlag{Field: field, app: a}
		f.fields = append(f.fields, one)
		one.register(set)
	}
	set.BoolVar(&f.public, "public", false, "an app that cannot keep a secret: it has none, and must use PKCE")
	set.StringArrayVar(&f.localized, "localized", nil, "a name or an address in another language, as in `client_name#fr=Boutique`; may be given again; empty takes it out")
	set.StringVar(&f.secretFile, "secret-file", "", "take the secret from `FILE` (- is standard input) instead of making one")
}

// method is the token_endpoint_auth_method that was given.
func (f *clientFlags) method() (method string, given bool) {
	for _, one := range f.fields {
		if one.Name == "token_endpoint_auth_method" && len(one.values) > 0 {
			return one.values[len(one.values)-1], true
		}
	}
	return "", false
}

// check refuses flags that contradict each other.
func (f *clientFlags) check() error {
	method, given := f.method()
	none := method == clients.AuthMethodNone
	switch {
	case f.public && given && !none:
		return usagef("--public has no secret, but --token-endpoint-auth-method is %q; give one of the two", method)
	case f.set.Changed("public") && !f.public && none:
		return usagef("--public=false has a secret, but --token-endpoint-auth-method is none; give one of the two")
	case (f.public || none) && f.set.Changed("secret-file"):
		return usagef("a public client has no secret; give --secret-file, or make it public")
	}
	return nil
}

// apply sets on c what was given and leaves the rest alone. A flag that may be
// given again replaces the whole list.
func (f *clientFlags) apply(c *clients.Client) error {
	var errs []error
	for _, one := range f.fields {
		if len(one.values) > 0 {
			errs = append(errs, one.apply(c))
		}
	}
	errs = append(errs, f.applyLocalized(c))
	if _, given := f.method(); !given {
		switch {
		case f.public:
			c.TokenEndpointAuthMethod = clients.AuthMethodNone
		case f.set.Changed("public") && c.Public():
			c.TokenEndpointAuthMethod = clients.AuthMethodAny
		}
	}
	return errors.Join(errs...)
}

func (f *clientFlags) applyLocalized(c *clients.Client) error {
	var errs []error
	for _, text := range f.localized {
		name, value, ok := strings.Cut(text, "=")
		if !ok || !strings.Contains(name, "#") {
			return fmt.Errorf("--localized: %q must be a field, a language and a text, as in client_name#fr=Boutique", text)
		}
		doc, err := json.Marshal(map[string]string{name: value})
		if err != nil {
			return err
		}
		errs = append(errs, c.Patch(doc, clients.Operator))
	}
	return errors.Join(errs...)
}

// fieldFlag is the flag of one field.
type fieldFlag struct {
	clients.Field
	app    *app
	values []string
}

func (f *fieldFlag) register(set *pflag.FlagSet) {
	help := f.Help
	if f.Kind == clients.List || f.Kind == clients.Words {
		help += "; may be given again"
	}
	if f.Name == "jwks" {
		help += "; - is standard input"
	}
	for _, name := range []string{f.Flag, f.Alias} {
		if name == "" {
			continue
		}
		flag := set.VarPF(f, name, "", help)
		flag.Hidden = name == f.Alias
		if f.Kind == clients.Bool {
			flag.NoOptDefVal = "true"
		}
	}
}

// String is what pflag shows as the default, which Help tells.
func (f *fieldFlag) String() string { return "" }

// Type is the word for the value in the help.
func (f *fieldFlag) Type() string {
	switch {
	case f.Kind == clients.Bool:
		return "bool"
	case f.Kind == clients.Seconds:
		return "DURATION"
	case f.Name == "jwks":
		return "FILE"
	case f.Kind == clients.Object:
		return "JSON"
	case f.Kind == clients.Words:
		return strings.ToUpper(f.Flag)
	case strings.HasSuffix(f.Flag, "uri") || f.Name == "audiences":
		return "URI"
	}
	return "TEXT"
}

// Set notes a value, and refuses at once what can never be one.
func (f *fieldFlag) Set(text string) error {
	switch {
	case f.Kind == clients.Bool && text != "":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("must be true or false")
		}
		text = strconv.FormatBool(b)
	case f.Kind == clients.Seconds && text != "":
		if _, err := config.ParseDuration(text); err != nil {
			return err
		}
	}
	f.values = append(f.values, text)
	return nil
}

// apply puts what was given into c. An empty text is the default again.
func (f *fieldFlag) apply(c *clients.Client) error {
	last := f.values[len(f.values)-1]
	if f.Kind == clients.Seconds && last != "" {
		d, err := config.ParseDuration(last)
		if err == nil {
			f.SetDuration(c, d)
		}
		return err
	}
	value, err := f.json(last)
	if err != nil {
		return err
	}
	return f.Field.Set(c, value)
}

// json is what was given, as the field reads it.
func (f *fieldFlag) json(last string) (json.RawMessage, error) {
	switch {
	case f.Kind == clients.List:
		list := []string{}
		for _, v := range f.values {
			if v != "" {
				list = append(list, v)
			}
		}
		return json.Marshal(list)
	case f.Kind == clients.Words:
		return json.Marshal(strings.Join(f.values, " "))
	case last == "":
		return json.RawMessage("null"), nil
	case f.Kind == clients.Bool:
		return json.RawMessage(last), nil
	case f.Kind == clients.Object:
		return f.object(last)
	}
	return json.Marshal(last)
}

// object reads a JSON document: the key set from a file, anything else from the
// command line itself.
func (f *fieldFlag) object(text string) (json.RawMessage, error) {
	doc := []byte(text)
	if f.Name == "jwks" {
		var err error
		if text == "-" {
			doc, err = io.ReadAll(io.LimitReader(f.app.stdin, 1<<20))
		} else {
			doc, err = os.ReadFile(text)
		}
		if err != nil {
			return nil, fmt.Errorf("--jwks: cannot read it: %s; name a file that this user may read", strings.TrimPrefix(err.Error(), "open "))
		}
	}
	if !json.Valid(doc) {
		return nil, &clients.FieldError{Field: f.Name, Reason: "is not JSON"}
	}
	return doc, nil
}

// givenSecret is the secret that --secret-file names, nil if it names none.
func (a *app) givenSecret(file string) (*string, error) {
	if file == "" {
		return nil, nil
	}
	secret, err := a.readSecret(file)
	return &secret, err
}

// readSecret reads a client's secret from file, or from standard input for "-".
func (a *app) readSecret(file string) (string, error) {
	if file == "-" {
		content, err := io.ReadAll(io.LimitReader(a.stdin, 64<<10))
		return config.TrimSecret(content), err
	}
	secret, err := config.ReadSecretFile(file)
	if err != nil {
		return "", fmt.Errorf("--secret-file: %w; name a file that this user may read", err)
	}
	return secret, nil
}
