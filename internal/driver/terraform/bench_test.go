package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

// BenchmarkPlan is what planning costs over the bare tool doing the same in the same
// run, turn by turn: init, plan and show. The bound is 1.2.
func BenchmarkPlan(b *testing.B) {
	tools := tofutest.Tools(b)
	for _, tool := range tools.All() {
		for _, n := range []int{20, 1000} {
			b.Run(fmt.Sprintf("%s/%d", tool.Name, n), func(b *testing.B) { benchmarkPlan(b, tools, tool, n) })
		}
	}
}

func benchmarkPlan(b *testing.B, tools *tofutest.Set, tool *tofutest.Tool, n int) {
	d := open(b, b.TempDir(), tools, tool)
	backend := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", filepath.Join(b.TempDir(), "state"))
	text := map[string]string{"main.tf": tofutest.Many(n, "x"), "backend.tf": backend, "versions.tf": tofutest.Require("random")}
	// A server asks a binary once which it is.
	if _, err := d.tools.find(b.Context(), driver.Tool{Name: tool.Name}); err != nil {
		b.Fatal(err)
	}
	var bare, first, again time.Duration
	for i := 0; b.Loop(); i++ {
		dir := tofutest.Write(b, b.TempDir(), text)
		bare += timed(func() {
			tool.Must(b, dir, nil, "init", "-input=false")
			tool.Must(b, dir, nil, "plan", "-input=false", "-out=p")
			tool.Must(b, dir, nil, "show", "-json", "p")
		})
		job := driver.Job{
			ID: fmt.Sprintf("run-%d", i), Unit: lockstep.Unit{Namespace: "bench", Name: fmt.Sprintf("s%d", i)}, Dir: "infra",
			Tool: driver.Tool{Name: tool.Name}, Files: map[string][]byte{},
		}
		for name, t := range text {
			job.Files["infra/"+name] = []byte(t)
		}
		for _, spent := range []*time.Duration{&first, &again} {
			*spent += timed(func() {
				p, err := d.Plan(b.Context(), job, driver.IntentApply, silent)
				if err != nil || len(p.Set.Changes) != n {
					b.Fatalf("%d changes, %v", len(p.Set.Changes), err)
				}
			})
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(bare.Milliseconds())/float64(b.N), "bare-ms")
	b.ReportMetric(first.Seconds()/bare.Seconds(), "x-bare")
	b.ReportMetric(again.Seconds()/bare.Seconds(), "x-bare-again")
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}
