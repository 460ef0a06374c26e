package tfplan

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// blot stands in a text for a secret that was in it.
const blot = "•••"

// Shorter values stand in too many words by chance: a sensitive "eu" would blot half
// of every message.
const (
	leastInText  = 4 // of a secret that is taken out of a sentence
	leastInValue = 8 // of a secret that makes a value sensitive which merely contains it
)

// A Redactor takes secrets out of texts. It is safe for concurrent use; nil redacts
// nothing.
type Redactor struct {
	secrets []string // sorted
	text    *strings.Replacer
	value   *strings.Replacer
}

// NewRedactor returns a Redactor of these values, in every form in which a tool may
// write them: as they are, in JSON, in a URL, in base64, and line by line.
func NewRedactor(secrets []string) *Redactor {
	r := &Redactor{secrets: slices.Compact(slices.Sorted(slices.Values(secrets)))}
	forms := map[string]bool{}
	for _, s := range r.secrets {
		for _, form := range written(s) {
			if len(form) >= leastInText {
				forms[form] = true
			}
		}
	}
	r.text = replacer(forms, leastInText)
	r.value = replacer(forms, leastInValue)
	return r
}

// With returns a Redactor that knows more.
func (r *Redactor) With(secrets ...string) *Redactor {
	if r == nil {
		return NewRedactor(secrets)
	}
	return NewRedactor(slices.Concat(r.secrets, secrets))
}

// Secrets are all that it knows, for another process that is to redact the same.
func (r *Redactor) Secrets() []string {
	if r == nil {
		return nil
	}
	return r.secrets
}

// Text returns s without secrets.
func (r *Redactor) Text(s string) string {
	if r == nil || r.text == nil {
		return s
	}
	return r.text.Replace(s)
}

// Holds says whether a value, given with its JSON text, is or contains a secret.
func (r *Redactor) Holds(v any, text string) bool {
	if r == nil {
		return false
	}
	if s, ok := v.(string); ok && len(s) >= leastInText {
		if _, is := slices.BinarySearch(r.secrets, s); is {
			return true
		}
	}
	return r.value != nil && r.value.Replace(text) != text
}

// replacer prefers longer forms: one secret may be a part of another.
func replacer(forms map[string]bool, least int) *strings.Replacer {
	var all []string
	for f := range forms {
		if len(f) >= least {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(all))
	for _, f := range all {
		pairs = append(pairs, f, blot)
	}
	return strings.NewReplacer(pairs...)
}

// written returns the forms in which a secret may be written.
func written(s string) []string {
	if len(s) < leastInText {
		return nil
	}
	out := []string{s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s))}
	// A JSON document in a value is a value in JSON: escaped once, and once more.
	for form, times := s, 0; times < 2; times++ {
		b, err := json.Marshal(form)
		if err != nil {
			break
		}
		form = string(b[1 : len(b)-1])
		out = append(out, form)
		out = append(out, unescaped(form))
	}
	if strings.Contains(s, "\n") {
		for line := range strings.Lines(s) {
			// Shorter ones are brackets, and no part of a key.
			if line = strings.TrimSpace(line); len(line) >= leastInValue {
				out = append(out, line)
			}
		}
	}
	return out
}

// unescaped undoes what Go does to the signs of HTML in JSON and others do not.
var htmlSigns = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

func unescaped(s string) string { return htmlSigns.Replace(s) }
