package health

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Parent says how the pods of a kind of workload are found.
type Parent struct {
	// Selector is the label selector of its pods; "" when it has none yet.
	Selector string
	// Between is the kind that owns the pods and that the workload owns; zero when
	// the workload owns the pods itself.
	Between lockstep.GroupKind
}

var replicaSets = lockstep.GroupKind{Group: "apps", Kind: "ReplicaSet"}

// parents are the workloads whose pods tell why they are not healthy.
var parents = map[lockstep.GroupKind]lockstep.GroupKind{
	{Group: "apps", Kind: "Deployment"}:         replicaSets,
	{Group: "apps", Kind: "StatefulSet"}:        {},
	{Group: "apps", Kind: "DaemonSet"}:          {},
	{Group: "apps", Kind: "ReplicaSet"}:         {},
	{Group: "batch", Kind: "Job"}:               {},
	{Group: "argoproj.io", Kind: "Rollout"}:     replicaSets,
	{Group: "apps.kruise.io", Kind: "CloneSet"}: {},
}

// ParentOf says how the pods of an object are found; false if it has none, or is
// so well that nobody need ask them.
func ParentOf(object map[string]any, h lockstep.Health) (Parent, bool) {
	if h.Status != lockstep.Progressing && h.Status != lockstep.Degraded {
		return Parent{}, false
	}
	t := tree(object)
	between, ok := parents[t.groupKind()]
	if !ok {
		return Parent{}, false
	}
	p := Parent{Between: between, Selector: selector(t.sub("spec", "selector"))}
	return p, p.Selector != ""
}

// selector writes a label selector as the API reads it.
func selector(s tree) string {
	var terms []string
	for k, v := range s.sub("matchLabels") {
		if v, ok := v.(string); ok {
			terms = append(terms, k+"="+v)
		}
	}
	for _, e := range s.trees("matchExpressions") {
		var values []string
		for _, v := range e.list("values") {
			if v, ok := v.(string); ok {
				values = append(values, v)
			}
		}
		list := strings.Join(values, ",")
		switch key := e.text("key"); e.text("operator") {
		case "In":
			terms = append(terms, key+" in ("+list+")")
		case "NotIn":
			terms = append(terms, key+" notin ("+list+")")
		case "Exists":
			terms = append(terms, key)
		case "DoesNotExist":
			terms = append(terms, "!"+key)
		}
	}
	slices.Sort(terms)
	return strings.Join(terms, ",")
}

// Trouble is what is wrong with some pods of a workload, all alike.
type Trouble struct {
	Words string
	Count int
	// Crash says where the last words of one of them are; nil if none crashed.
	Crash *Crash
}

// Crash is a container that ended badly.
type Crash struct {
	Namespace, Pod, Container string
	// Previous: it runs, or waits to run, again.
	Previous bool
}

// Troubles says what is wrong with pods, the most frequent first. Pods that are
// well, or that go, are not spoken of.
func Troubles(pods []map[string]any) []Trouble {
	byWords := map[string]*Trouble{}
	for _, object := range pods {
		t := tree(object)
		if t.text("metadata", "deletionTimestamp") != "" {
			continue
		}
		h := pod(t)
		if h.Status == lockstep.Healthy || h.Message == "" {
			continue
		}
		if known := byWords[h.Message]; known != nil {
			known.Count++
			continue
		}
		byWords[h.Message] = &Trouble{Words: h.Message, Count: 1, Crash: crashOf(t)}
	}
	out := make([]Trouble, 0, len(byWords))
	for _, trouble := range byWords {
		out = append(out, *trouble)
	}
	slices.SortFunc(out, func(a, b Trouble) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Words, b.Words))
	})
	return out
}

func crashOf(t tree) *Crash {
	crash := Crash{Namespace: t.text("metadata", "namespace"), Pod: t.text("metadata", "name")}
	for _, c := range containers(t) {
		crash.Container = c.text("name")
		ended := c.sub("state", "terminated")
		if ended.count("exitCode") != 0 {
			return &crash
		}
		if c.sub("lastState", "terminated").count("exitCode") != 0 && !c.truth("ready") {
			crash.Previous = true
			return &crash
		}
	}
	return nil
}

// maxTroubles is how many kinds of trouble are told.
const maxTroubles = 2

// Told writes troubles as one line; last are the last words of the first that
// crashed, "" if they are not known.
func Told(troubles []Trouble, last string) string {
	var parts []string
	for i, t := range troubles {
		if i == maxTroubles {
			parts = append(parts, "and other troubles")
			break
		}
		s := fmt.Sprintf("%s: %s", pods(t.Count), t.Words)
		if t.Crash != nil && last != "" {
			s += fmt.Sprintf("; its last words: %q", last)
			last = ""
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}

func pods(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

// With adds what its pods say to the health of a workload.
func With(h lockstep.Health, told string) lockstep.Health {
	if told == "" {
		return h
	}
	if h.Message != "" {
		told = h.Message + ": " + told
	}
	return lockstep.Health{Status: h.Status, Message: clean(told)}
}

// What looks like a credential in a log line. Too much masked is better than too
// little.
var credentials = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9+/_.=~-]{6,}`), "$1 ***"},
	{regexp.MustCompile(`(?i)([A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization|session|cookie|dsn)[A-Za-z0-9_.-]*["']?\s*(?:[=:]|\s=>)\s*)("[^"]*"|'[^']*'|[^\s,;&"']+)`), "$1***"},
	{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@]+@`), "$1***@"},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*`), "***"},
	{regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{12,}`), "***"},
	{regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk-)[A-Za-z0-9_-]{8,}`), "***"},
	{regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}={0,2}`), "***"},
}

// maxLine bounds what is told of a log line.
const maxLine = 160

// LastWords makes a log line fit to be shown: one line, short, without what looks
// like a credential.
func LastWords(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, lines[len(lines)-1])
	for _, c := range credentials {
		line = c.pattern.ReplaceAllString(line, c.with)
	}
	line = clean(line)
	if r := []rune(line); len(r) > maxLine {
		line = string(r[:maxLine]) + "…"
	}
	return line
}
