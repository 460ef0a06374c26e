package helm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// random finds the template functions that give another result each time. It is
// asked of the text inside {{ }}, so prose about them does not count.
var (
	action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	random = regexp.MustCompile(`\b(rand(?:Alpha|AlphaNum|Ascii|Numeric|Int|Bytes)|uuidv4|gen(?:CA|CAWithKey|SelfSignedCert|SelfSignedCertWithKey|SignedCert|SignedCertWithKey|PrivateKey)|htpasswd|bcrypt|encryptAES|shuffle|now|ago)\b`)
)

// unstableFunctions names the random functions in the templates of c.
func unstableFunctions(c *chart.Chart) []string {
	var out []string
	for _, t := range c.Templates {
		for _, a := range action.FindAll(t.Data, -1) {
			out = append(out, random.FindAllString(string(a), -1)...)
		}
	}
	for _, d := range c.Dependencies() {
		out = append(out, unstableFunctions(d)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unstable renders a second time and names the templates that came out
// otherwise. Only charts that use such a function pay for it; most of them keep
// it behind a condition, so that its presence alone says nothing.
func (j *job) unstable(names map[string]string, first, second map[string]string) []string {
	var differ []string
	for name, text := range first {
		if second[name] != text && !strings.HasSuffix(name, notes) {
			differ = append(differ, names[name])
		}
	}
	slices.Sort(differ)
	var functions []string
	for _, l := range j.sources {
		functions = append(functions, l.unstable...)
	}
	slices.Sort(functions)
	var out []string
	for _, name := range differ {
		out = append(out, fmt.Sprintf("%s comes out otherwise each time it is rendered: its objects change whenever the stack does (the chart uses %s)",
			name, strings.Join(slices.Compact(functions), ", ")))
	}
	return out
}

func (j *job) maybeUnstable() bool {
	return slices.ContainsFunc(j.sources, func(l *loaded) bool { return len(l.unstable) > 0 })
}
