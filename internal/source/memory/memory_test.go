package memory_test

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/source/memory"
	"github.com/lockstep-dev/lockstep/internal/source/sourcetest"
)

func TestConformance(t *testing.T) {
	sourcetest.Run(t, func(*testing.T) sourcetest.Remote { return memory.New("repo") })
}

// TestHashesAreGits pins the hashes to what git itself computes, so that content
// keys made in tests look like real ones.
func TestHashesAreGits(t *testing.T) {
	tr := memory.NewTree(map[string]string{"a": "hello\n", "a.b": "x", "a-dir/f": "hello\n", "l": memory.Symlink("a")})
	want := map[string]string{
		"a":       "ce013625030ba8dba906f756967f9e9ca394464a",
		"a-dir/f": "ce013625030ba8dba906f756967f9e9ca394464a",
	}
	for p, h := range want {
		if e, err := tr.Stat(p); err != nil || e.Hash != h {
			t.Errorf("Stat(%q): %+v, %v; want hash %s", p, e, err, h)
		}
	}
}
