package bench

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"
)

// requests counts API requests by "VERB resource", from the API server's own
// metrics.
type requests map[string]int

// The control plane's own business, which goes on whether anybody deploys or
// not: the API server lists Services to check its address pool, and controllers
// answer a Deployment. Nothing of it is sent as an apply, and everything else is
// charged to whoever is measured.
var own = []string{
	"services",
	"deployments/status", "replicasets/status", "services/status", "events/status",
	"leases", "nodes", "endpoints", "endpointslices", "serviceaccounts", "tokenreviews", "subjectaccessreviews",
	"flowschemas", "prioritylevelconfigurations", "apiservices", "pods", "replicasets", "ipaddresses", "servicecidrs",
	"persistentvolumeclaims", "persistentvolumes", "poddisruptionbudgets", "podtemplates", "resourceclaims", "resourceslices", "volumeattachments", "csidrivers",
	"namespaces", "resourcequotas", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "validatingadmissionpolicies",
	"validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "priorityclasses", "storageclasses", "csinodes",
}

func count(t testing.TB, k kubernetes.Interface) requests {
	t.Helper()
	raw, err := k.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := requests{}
	for line := range strings.Lines(string(raw)) {
		labels, ok := strings.CutPrefix(line, "apiserver_request_total{")
		if !ok {
			continue
		}
		labels, value, _ := strings.Cut(labels, "} ")
		verb, resource, sub := label(labels, "verb"), label(labels, "resource"), label(labels, "subresource")
		if resource == "" {
			continue // discovery, of which nobody can say whose it is
		}
		if sub != "" && sub != resource {
			resource += "/" + strings.TrimPrefix(sub, resource+"/")
		}
		if verb != "APPLY" && slices.Contains(own, resource) {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil {
			t.Fatalf("metric line %q: %v", line, err)
		}
		out[verb+" "+resource] += int(n)
	}
	return out
}

func label(labels, name string) string {
	_, rest, ok := strings.Cut(labels, name+`="`)
	if !ok {
		return ""
	}
	v, _, _ := strings.Cut(rest, `"`)
	return v
}

// since returns what was added after before.
func (r requests) since(before requests) requests {
	out := requests{}
	for k, n := range r {
		if d := n - before[k]; d != 0 {
			out[k] = d
		}
	}
	return out
}

// without takes off what the harness itself did.
func (r requests) without(what string, n int) requests {
	out := maps.Clone(r)
	out[what] -= n
	return out
}

// withoutHarness takes off the watches with which the harness sees what is live.
func (r requests) withoutHarness() requests {
	out := maps.Clone(r)
	for _, what := range []string{"WATCH configmaps", "WATCH stacks"} {
		delete(out, what)
	}
	return out
}

func (r requests) total() int {
	sum := 0
	for _, n := range r {
		sum += n
	}
	return sum
}

func (r requests) String() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(r)) {
		if r[k] != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", k, r[k]))
		}
	}
	return strings.Join(parts, ", ")
}

// usage is what a process has used so far.
type usage struct {
	cpu  float64 // seconds, user and system
	peak float64 // MiB resident at the most
	rss  float64 // MiB resident now
}

func usageOf(t testing.TB, pid int) usage {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The command's name is in parentheses and may hold anything.
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	const ticks = 100 // sysconf(_SC_CLK_TCK) on every Linux that Go supports
	u := usage{cpu: (number(t, f[11]) + number(t, f[12])) / ticks}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		switch f[0] {
		case "VmHWM:":
			u.peak = number(t, f[1]) / 1024
		case "VmRSS:":
			u.rss = number(t, f[1]) / 1024
		}
	}
	return u
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
