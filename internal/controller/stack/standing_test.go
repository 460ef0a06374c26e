package stack

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func ready(status metav1.ConditionStatus, reason string) []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, LastTransitionTime: metav1.Unix(1000, 0)}}
}

// scrape is what Prometheus would read.
func scrape(t testing.TB, c prometheus.Collector) []byte {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func samples(text []byte) string {
	var out []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return strings.Join(out, "\n")
}

func TestStanding(t *testing.T) {
	a, b, gone := lockstep.Unit{Namespace: "n", Name: "a"}, lockstep.Unit{Namespace: "n", Name: "b"}, lockstep.Unit{Namespace: "n", Name: "gone"}
	fill := func(s *Standing) {
		s.stands(a, ready(metav1.ConditionFalse, "Degraded"))
		s.stands(a, ready(metav1.ConditionTrue, "Ready"))
		s.stands(b, ready(metav1.ConditionFalse, "Degraded"))
		s.stands(gone, ready(metav1.ConditionTrue, "Ready"))
		s.leaves(gone)
		s.stands(gone, nil)
	}
	cases := map[string]struct {
		why  string
		each PerStack
		want string
	}{
		"Each": {
			why: "A series that is there as long as the Stack is costs Prometheus the least; the reason is a label only while there is one.", each: true,
			want: "lockstep_stack_ready{name=\"a\",namespace=\"n\"} 1\nlockstep_stack_ready{name=\"b\",namespace=\"n\"} 0\n" +
				"lockstep_stack_unready_timestamp_seconds{name=\"b\",namespace=\"n\",reason=\"Degraded\"} 1000\n" +
				"lockstep_stacks{ready=\"false\",reason=\"Degraded\"} 1\nlockstep_stacks{ready=\"true\",reason=\"Ready\"} 1",
		},
		"Sums": {
			why:  "Who does not want a series for each Stack still learns how many are ill.",
			want: "lockstep_stacks{ready=\"false\",reason=\"Degraded\"} 1\nlockstep_stacks{ready=\"true\",reason=\"Ready\"} 1",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStanding(tc.each)
			fill(s)
			if diff := cmp.Diff(tc.want, samples(scrape(t, s))); diff != "" {
				t.Errorf("%s\nscrape (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// counting is all that an unchanged pass does for whoever watches it.
func counting(t testing.TB) func() {
	r := &Reconciler{Metrics: NewMetrics(prometheus.NewRegistry(), true)}
	u, c := lockstep.Unit{Namespace: "n", Name: "a"}, ready(metav1.ConditionTrue, "Ready")
	r.Metrics.stands(u, c)
	return func() {
		ctx, root := r.Tracer.Root(t.Context(), "pass")
		r.Metrics.running.Inc()
		_, look := r.begin(ctx, beatObserve)
		r.end(look, nil)
		r.Metrics.recalled.Inc()
		_, report := r.begin(ctx, beatReport)
		r.Metrics.stands(u, c)
		r.end(report, nil)
		r.Metrics.running.Dec()
		root.End(nil)
	}
}

// What a pass pays for being counted: nothing that the garbage collector sees.
func TestCountingCostsNoAllocation(t *testing.T) {
	if n := testing.AllocsPerRun(1000, counting(t)); n != 0 {
		t.Errorf("an unchanged pass pays %v allocations for metrics and spans, want none", n)
	}
}

func BenchmarkCounting(b *testing.B) {
	pass := counting(b)
	b.ReportAllocs()
	for b.Loop() {
		pass()
	}
}

// The price of a series for each Stack, at 10,000 of which one in twenty is ill.
func BenchmarkScrape(b *testing.B) {
	for _, each := range []PerStack{false, true} {
		b.Run(fmt.Sprintf("each=%v", each), func(b *testing.B) {
			s := newStanding(each)
			for i := range 10_000 {
				u := lockstep.Unit{Namespace: fmt.Sprintf("team-%03d", i%100), Name: fmt.Sprintf("application-%05d", i)}
				c := ready(metav1.ConditionTrue, "Ready")
				if i%20 == 0 {
					c = ready(metav1.ConditionFalse, "Degraded")
				}
				s.stands(u, c)
			}
			b.ReportAllocs()
			var n int
			for b.Loop() {
				n = len(scrape(b, s))
			}
			b.ReportMetric(float64(n), "bytes/scrape")
		})
	}
}

// A beat whose name was forgotten would be counted as "".
func TestBeatsHaveNames(t *testing.T) {
	for i, name := range beatNames {
		if name == "" {
			t.Errorf("beat %d has no name", i)
		}
	}
}
