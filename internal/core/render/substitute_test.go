package render

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestExpand(t *testing.T) {
	vars := map[string]string{"a": "abcABC123ABCabc", "f": "path/to/file.tar.gz", "e": "", "slash": "foo/bar", "U": "Äb"}
	cases := map[string]string{
		"plain $a $ {a} $":    "plain $a $ {a} $",
		"${a}":                "abcABC123ABCabc",
		"x${e}y${none}z":      "xyz",
		"$${a} and $$x":       "${a} and $x",
		"$$${e}":              "$",
		"${#a}":               "15",
		"${none:=d}":          "d",
		"${none:-d e}":        "d e",
		"${none=d}":           "d",
		"${e:-d}":             "d",
		"${a:-d}":             "abcABC123ABCabc",
		"${none:=}":           "",
		"${none:-${e:-deep}}": "deep",
		"${none:=x${a:0:3}y}": "xabcy",
		"${a:3}":              "ABC123ABCabc",
		"${a:3:3}":            "ABC",
		"${a:-3}":             "abcABC123ABCabc",
		"${a:0:-12}":          "abc",
		"${a:99}":             "",
		"${a:x}":              "abcABC123ABCabc",
		"${a/abc/X}":          "XABC123ABCabc",
		"${a//abc/X}":         "XABC123ABCX",
		"${a/#abc/X}":         "XABC123ABCabc",
		"${a/%abc/X}":         "abcABC123ABCX",
		"${a/#/X}":            "XabcABC123ABCabc",
		"${a//ABC/}":          "abc123abc",
		`${slash/\//-}`:       "foo-bar",
		"${f#*.}":             "tar.gz",
		"${f##*/}":            "file.tar.gz",
		"${f%.*}":             "path/to/file.tar",
		"${f%%.*}":            "path/to/file",
		"${U,}":               "äb",
		"${U^^}":              "ÄB",
		"${a^}":               "AbcABC123ABCabc",
		"${a,,}":              "abcabc123abcabc",
	}
	for in, want := range cases {
		got, err := (&expander{vars: vars}).expand(in)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"${", "${}", "${a", "${a b}", "${a-b}", "${a:}", "${a/}", "${a/x}", "${#a", "${#a[@]}", "${!a}", strings.Repeat("${a:-", 60) + strings.Repeat("}", 60)} {
		if got, err := (&expander{vars: map[string]string{}}).expand(in); !errors.Is(err, fault.KindInvalid) {
			t.Errorf("%q: got %q, %v; want a fault", in, got, err)
		}
	}
	for _, in := range []string{"${none}", "${none^^}", "${none:0:1}", "${#none}", "${none/a/b}", "${none%x}"} {
		if got, err := (&expander{vars: vars, strict: true}).expand(in); err == nil {
			t.Errorf("strict %q: got %q", in, got)
		}
	}
	if got, err := (&expander{vars: vars, strict: true}).expand("${none:-d}${e}"); err != nil || got != "d" {
		t.Errorf("strict with a default: %q, %v", got, err)
	}
}

func TestSubstitute(t *testing.T) {
	in := `apiVersion: v1
kind: ConfigMap
metadata: {name: "${NAME}"}
data: {text: "${TEXT}", string: "${QUOTED}", quoted: "${PORT:=80}", untouched: "$${PORT}"}
port: ${PORT}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: script, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}
data: {run: "echo ${PORT}"}
`
	objs, err := Decode("f.yaml", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Substitute(objs, SubstituteSpec{Vars: map[string]string{"NAME": "web", "TEXT": "two\nlines\n", "PORT": "8080", "QUOTED": `"8080"`}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "web"},
		"data": map[string]any{"text": "twolines", "string": "8080", "quoted": int64(8080), "untouched": "${PORT}"},
		"port": int64(8080),
	}
	if diff := cmp.Diff(want, out[0].Tree); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(objs[1], out[1]); diff != "" {
		t.Errorf("an object that opted out changed:\n%s", diff)
	}
	if out[0].Origin.String() != "f.yaml:1" || objs[0].Name() != "${NAME}" {
		t.Error("the origin is lost, or the input was changed")
	}
}

func TestSubstituteKeepsSecrets(t *testing.T) {
	objs, err := Decode("f.yaml", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"${A}\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Substitute(objs, SubstituteSpec{Vars: map[string]string{"A": "hunter2: [\"x"}})
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(fault.As(err).Hint, "hunter2") {
		t.Errorf("want a fault without the value, got %v", err)
	}
	want := "f.yaml:1: ConfigMap/a is no valid object after the substitution of ${A}"
	if err != nil && err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	_, err = Substitute(objs, SubstituteSpec{Strict: true})
	if got := fault.As(err).Error(); got != `f.yaml:1: variable "A" has no value and no default` {
		t.Errorf("strict without variables: %q", got)
	}
	_, err = Substitute(objs, SubstituteSpec{Vars: map[string]string{"1x": "", "a-b": ""}})
	if n := len(fault.All(err)); n != 2 {
		t.Errorf("want two faults for two bad names, got %v", err)
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"${a}", "$${a}", "${a:-${b}}", "${a/x/y}", "${a%%*}", "${#a}", "${a:1:2}"} {
		f.Add(s, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		got, err := (&expander{vars: map[string]string{"a": value}}).expand(text)
		if err != nil {
			return
		}
		if !strings.Contains(text, "$") && got != text {
			t.Errorf("text without a dollar changed: %q", got)
		}
		again, err := (&expander{vars: map[string]string{"a": value}}).expand(text)
		if err != nil || again != got {
			t.Errorf("not the same twice: %q, %q", got, again)
		}
	})
}
