package filter

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

var schema = NewSchema(
	Field{Name: "env"}, Field{Name: "owner", Aliases: []string{"team"}},
	Field{Name: "step", Kind: Choice, Choices: []string{"InStep", "Drifted"}},
	Field{Name: "changed", Kind: Age}, Field{Name: "label", Kind: Pair},
	Field{Name: "commit", Kind: Prefix}, Field{Name: "objects", Kind: Number},
)

type thing struct{}

func (thing) Text() string { return "payments/checkout\nraise: the limits" }
func (thing) Field(n string) string {
	return map[string]string{"env": "prod-eu", "owner": "ana", "step": "drifted", "commit": "4f1c2aa9"}[n]
}
func (thing) Time(string) time.Time { return now.Add(-30 * time.Minute) }
func (thing) Pair(_, key string) (string, bool) {
	v, ok := map[string]string{"tier": "gold", "a b": "c,d"}[key]
	return v, ok
}
func (thing) Number(string) int64 { return 12 }

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestMatch(t *testing.T) {
	cases := map[string]bool{
		"":                       true,
		"checkout":               true,
		"CHECK pay":              true,
		"-checkout":              false,
		"ledger":                 false,
		`"raise: the"`:           true,
		"env:prod-*":             true,
		"env:prod":               false,
		"env:dev,prod-??":        true,
		`env:"prod-*"`:           false,
		"-env:prod-*":            false,
		"team:me":                true,
		"owner:bob,me":           true,
		"step:drifted":           true,
		"step:in-step":           false,
		"step:In-Step,DRIFTED":   true,
		"changed:<1h":            true,
		"changed:>=30m":          true,
		"changed:>1h":            false,
		"label:tier=gold":        true,
		"label:tier":             true,
		"label:tier=g*":          true,
		"label:zone":             false,
		`label:"a b=c,d"`:        true,
		"commit:4f1c":            true,
		"commit:aaaa":            false,
		"objects:>10 objects:12": true,
		"objects:<=11":           false,
	}
	for q, want := range cases {
		f, err := Parse(q, schema)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		if got := f.Match(thing{}, Context{Now: now, Me: []string{"ana"}}); got != want {
			t.Errorf("%q matches: %v, want %v", q, got, want)
		}
		again, err := Parse(f.String(), schema)
		if err != nil || again.String() != f.String() {
			t.Errorf("%q prints as %q, which parses to %q, %v", q, f, again, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	cases := map[string]struct{ q, where, what, hint string }{
		"Field":     {"evn:prod", "character 1", `no field "evn"`, "did you mean env"},
		"Unknown":   {"x colour:red", "character 3", `no field "colour"`, "the fields are env"},
		"Choice":    {"ä step:driftd", "character 8", `step cannot be "driftd"`, "InStep, Drifted"},
		"Age":       {"changed:1h", "character 9", `changed cannot be "1h"`, "changed:<1h"},
		"AgeUnit":   {"changed:<1y", "character 9", "changed cannot be", "units are"},
		"Number":    {"objects:many", "character 9", "objects cannot be", "a number"},
		"Open":      {`env:"prod`, "character 5", "not closed", ""},
		"Inside":    {`a"b`, "character 2", "a quote inside", "round the whole value"},
		"After":     {`"a"b`, "character 4", "blank or a comma", ""},
		"NoValue":   {"env:", "character 5", "has no value", `env:""`},
		"NoValue2":  {"env:a,", "character 7", "has no value", ""},
		"Minus":     {"a -", "character 3", "a term is missing", ""},
		"Escape":    {`"\n"`, "character 3", "after a backslash", ""},
		"Key":       {"label:=x", "character 7", "needs a key", ""},
		"TooLong":   {strings.Repeat("a", MaxLength+1), "", "1000 are allowed", ""},
		"TooMany":   {strings.Repeat("a ", MaxTerms+1), "character 65", "more than 32 terms", ""},
		"Broken":    {"a\xff", "", "UTF-8", ""},
		"NoDefault": {"step:", "character 6", "has no value", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.q, schema)
			if err == nil {
				t.Fatalf("%q is taken", tc.q)
			}
			f := fault.As(err)
			if f.Kind != fault.KindUsage || !strings.Contains(f.Where+" ", tc.where) || !strings.HasSuffix(f.Where, tc.where) || !strings.Contains(f.What, tc.what) || !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("got %v: %s: %s (%s)", f.Kind, f.Where, f.What, f.Hint)
			}
		})
	}
}

// TestManyStars: a pattern is no way to keep a server busy.
func TestManyStars(t *testing.T) {
	began := time.Now()
	if glob(strings.Repeat("*a", 400)+"b", strings.Repeat("a", 2000)) {
		t.Error("it does not match")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzParse(f *testing.F) {
	for _, q := range []string{"env:prod step:drifted -owner:me label:a=b", `"a b" env:"x,y",z*`, "changed:<1h30m objects:>3", `-"-" "*" env:"*"`, `env:""`, "a:b:c", "😀 team:😀"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		parsed, err := Parse(q, schema)
		if err != nil {
			if fault.KindOf(err) != fault.KindUsage {
				t.Errorf("%q: %v", q, err)
			}
			return
		}
		text := parsed.String()
		if len(text) > MaxLength {
			return // quotes made it longer than what is taken
		}
		again, err := Parse(text, schema)
		if err != nil {
			t.Fatalf("%q prints as %q: %v", q, text, err)
		}
		if again.String() != text {
			t.Errorf("%q prints as %q, then as %q", q, text, again)
		}
		c := Context{Now: now, Me: []string{"ana"}}
		if parsed.Match(thing{}, c) != again.Match(thing{}, c) {
			t.Errorf("%q and %q do not say the same", q, text)
		}
	})
}
