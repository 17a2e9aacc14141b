package login

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestAttributesAreKept(t *testing.T) {
	b := newBench(t)
	p := b.add(t, NewPerson{Username: "ada", Attributes: Attributes{
		"dept": "Sales & Co", "level": 3, "remote": false, "tags": []any{"a", "b"}, "gone": nil,
	}})
	want := Attributes{"dept": "Sales & Co", "level": 3.0, "remote": false, "tags": []string{"a", "b"}}
	if !reflect.DeepEqual(p.Attributes, want) {
		t.Errorf("kept %#v, want %#v", p.Attributes, want)
	}
	text, err := json.Marshal(p.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	var again Attributes
	if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("read again %#v, %v", again, err)
	}
	if p := b.add(t, NewPerson{Username: "bob", Attributes: Attributes{"gone": nil}}); p.Attributes != nil {
		t.Errorf("kept %#v, want none", p.Attributes)
	}
}

func TestAttributesRefused(t *testing.T) {
	many := Attributes{}
	for i := range maxAttributes + 1 {
		many[strings.Repeat("a", i+1)] = true
	}
	for name, attributes := range map[string]Attributes{
		"no name":             {"": "x"},
		"capitals":            {"Dept": "x"},
		"a space":             {"a b": "x"},
		"a long name":         {strings.Repeat("a", maxAttributeName+1): "x"},
		"an object":           {"a": map[string]any{"b": "c"}},
		"a list of numbers":   {"a": []any{1.0}},
		"a control character": {"a": "x\ny"},
		"the same in a list":  {"a": []string{"x\x00"}},
		"broken UTF-8":        {"a": "\xff"},
		"a long text":         {"a": strings.Repeat("é", maxClaim+1)},
		"a huge number":       {"a": 1e20},
		"no number":           {"a": math.NaN()},
		"too many":            many,
		"too long together":   {"a": []string{strings.Repeat("a", 500), strings.Repeat("b", 500)}, "b": []string{strings.Repeat("é", 500), strings.Repeat("ü", 500), strings.Repeat("ö", 500), strings.Repeat("ä", 500)}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			_, err := b.CreatePerson(t.Context(), NewPerson{Username: "ada", Attributes: attributes})
			var field *FieldError
			if !errors.As(err, &field) || field.Field != "attributes" {
				t.Errorf("CreatePerson() = %v, want a fault of attributes", err)
			}
		})
	}
}

func TestUpdateOfAttributes(t *testing.T) {
	b := newBench(t)
	p := b.add(t, NewPerson{Username: "ada", Email: "ada@example.com", Password: rightPassword, Groups: []string{"staff"}, Admin: true, Attributes: Attributes{"dept": "sales", "level": 1.0}})
	b.add(t, NewPerson{Username: "bob", Email: "bob@example.com"})
	got, err := b.UpdatePerson(t.Context(), p.ID, func(p *Person) error {
		p.Profile.Name, p.Groups = "Ada", append(p.Groups, "ops")
		p.Attributes["dept"], p.Attributes["level"] = "it", nil
		p.ID = "other" // not for anyone to change
		return nil
	})
	want := p
	want.Profile.Name, want.Groups, want.Attributes = "Ada", []string{"staff", "ops"}, Attributes{"dept": "it"}
	want.UpdatedAt = p.UpdatedAt
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(b.store.people[p.ID], want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	for name, change := range map[string]func(*Person){
		"a broken address": func(p *Person) { p.Email = "x" },
		"a group twice":    func(p *Person) { p.Groups = append(p.Groups, "ops") },
		"no username":      func(p *Person) { p.Username = "" },
		"a bad attribute":  func(p *Person) { p.Attributes["A"] = "x" },
	} {
		var field *FieldError
		if _, err := b.UpdatePerson(t.Context(), p.ID, func(p *Person) error { change(p); return nil }); !errors.As(err, &field) {
			t.Errorf("%s: %v, want a *FieldError", name, err)
		}
	}
	if _, err := b.UpdatePerson(t.Context(), p.ID, func(p *Person) error { p.Email = "bob@example.com"; return nil }); !errors.Is(err, ErrTaken) {
		t.Errorf("bob's address: %v, want ErrTaken", err)
	}
	if _, err := b.UpdatePerson(t.Context(), "nowhere", func(*Person) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v, want ErrNotFound", err)
	}
	if !reflect.DeepEqual(b.store.people[p.ID], want) {
		t.Errorf("after the refusals: %+v", b.store.people[p.ID])
	}
}
