package expr

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile expressions, each of which would take the machine's memory or time.
var hostile = map[string]string{
	"doubling by replace": `"aa"` + strings.Repeat(`.replace("a", "aaaa")`, 30) + ` == ""`,
	"replace with itself": `spec.long.replace("", spec.long) == ""`,
	"join":                `spec.list.join(spec.long) == ""`,
	"nested loops":        `spec.list.all(a, spec.list.all(b, spec.list.all(c, spec.list.all(d, a != "x"))))`,
	"shared lists":        `[1]` + strings.Repeat(`.map(i, [i, i])`, 40) + ` == [2]`,
	"shared maps":         `[1]` + strings.Repeat(`.map(i, {"a": i, "b": i})`, 40) + ` == [{}]`,
	"shared, compared":    `[[1]` + strings.Repeat(`.map(i, [i, i])`, 30) + `].all(x, x == x && x in [x])`,
	"sets":                `sets.contains(spec.list, spec.list.map(x, x + "y"))`,
	"concatenation":       `spec.list.map(x, spec.list.map(y, spec.long + x + y)).size() == 0`,
	"matches":             `spec.long.matches("(a*)*(a*)*(a*)*b")`,
	"split":               `spec.list.all(x, spec.long.split("").size() > 0)`,
}

// TestHostile: each ends soon, and takes no more memory than an evaluation may.
func TestHostile(t *testing.T) {
	list := make([]any, 3000)
	for i := range list {
		list[i] = strings.Repeat("x", 20)
	}
	o := Bind(map[string]any{"spec": map[string]any{"long": strings.Repeat("a", 200_000), "list": list}})
	for name, source := range hostile {
		t.Run(name, func(t *testing.T) {
			test, err := CompileTest(source)
			if err != nil {
				t.Logf("refused: %v", err)
				return
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err = test.True(o)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%s, allocated %d MiB: %v", took.Round(time.Millisecond), allocated, err)
			if took > 3*time.Second || allocated > 256 {
				t.Errorf("it took %s and %d MiB", took, allocated)
			}
		})
	}
}
