package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// tarOf packs entries in order.
func tarOf(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range entries {
		body := h.Uname // where tests put the content
		h.Uname, h.Size, h.Mode = "", int64(len(body)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func entry(name, body string) tar.Header {
	return tar.Header{Name: name, Uname: body, Typeflag: tar.TypeReg}
}

func archiveOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var entries []tar.Header
	for _, name := range slices.Sorted(maps.Keys(files)) {
		entries = append(entries, entry(name, files[name]))
	}
	return tarOf(t, entries...)
}

func TestHostileArchives(t *testing.T) {
	ok := entry("web/Chart.yaml", chartYAML)
	zeros := strings.Repeat("\x00", maxChartBytes/2+1)
	many := []tar.Header{ok}
	for range maxChartFiles {
		many = append(many, tar.Header{Name: "web/f" + strconv.Itoa(len(many)), Typeflag: tar.TypeReg})
	}
	inner := string(tarOf(t, entry("sub/Chart.yaml", strings.Replace(chartYAML, "web", "sub", 1)), entry("sub/big", zeros)))
	cases := map[string]struct {
		why  string
		data []byte
		what string
	}{
		"Climbs":     {why: "Names cannot lead out.", data: tarOf(t, ok, entry("web/../../etc/passwd", "x")), what: "leads out"},
		"Absolute":   {why: "Nor begin at the root.", data: tarOf(t, ok, entry("web//etc/passwd", "x")), what: "leads out"},
		"Backslash":  {why: "Nor be written for another system.", data: tarOf(t, ok, entry(`web\..\..\x`, "x")), what: "leads out"},
		"Drive":      {why: "Nor name a drive.", data: tarOf(t, ok, entry("web/c:/x", "x")), what: "leads out"},
		"Symlink":    {why: "A link could mean any file.", data: tarOf(t, ok, tar.Header{Name: "web/x", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}), what: "not a plain file"},
		"HardLink":   {why: "So could a hard link.", data: tarOf(t, ok, tar.Header{Name: "web/x", Linkname: "y", Typeflag: tar.TypeLink}), what: "not a plain file"},
		"Bomb":       {why: "What unpacks to more than the limit is not unpacked.", data: tarOf(t, ok, entry("web/a", zeros), entry("web/b", zeros)), what: "unpacks to more"},
		"NestedBomb": {why: "Archives in an archive share one limit.", data: tarOf(t, ok, entry("web/charts/a.tgz", inner), entry("web/charts/b.tgz", inner)), what: "unpacks to more"},
		"ManyFiles":  {why: "Nor is what holds too many files.", data: tarOf(t, many...), what: "files"},
		"Flat":       {why: "A chart is in a directory.", data: tarOf(t, entry("Chart.yaml", chartYAML)), what: "no directory around"},
		"Twice":      {why: "Which of two is meant is not guessed.", data: tarOf(t, ok, ok), what: "twice"},
		"Empty":      {why: "Nothing is no chart.", data: tarOf(t), what: "empty"},
		"NoGzip":     {why: "A page for people is no chart.", data: []byte("<html>"), what: "not a chart archive"},
		"Cut":        {why: "Half an archive is none.", data: tarOf(t, ok)[:40], what: "damaged"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ref := render.ChartRef{Repo: "https://r.example", Name: "web"}
			req := request(map[string]string{"app/x": ""}, render.HelmSpec{Chart: &ref})
			_, err := New().Render(context.Background(), req, given{"https://r.example/web@": {Data: tc.data, Version: "1.0.0", Digest: name}})
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), tc.what) {
				t.Errorf("%s\ngot %v, want %q", tc.why, err, tc.what)
			}
		})
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archiveOf(f, map[string]string{"web/Chart.yaml": chartYAML, "web/templates/x.yaml": "a: b"}))
	f.Add(tarOf(f, entry("web/Chart.yaml", chartYAML), entry("web/../x", "y")))
	f.Add([]byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := unpack(data, "web@1", newBudget())
		if err != nil {
			return
		}
		for _, file := range files {
			if file.name == "" || strings.HasPrefix(file.name, "/") || file.name == ".." || strings.HasPrefix(file.name, "../") || strings.Contains(file.name, "/../") {
				t.Errorf("a name leads out of the chart: %q", file.name)
			}
		}
		_, _ = assemble(files, "web@1")
	})
}

func FuzzValues(f *testing.F) {
	f.Add([]byte("a: 1\n---\na: {b: [x]}\n"), "a.b[0]")
	f.Add([]byte("a: &x [*x, *x]\n"), "a")
	f.Add([]byte(`"quoted"`), `a\.b.c[3].d`)
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		if _, err := readValues("values.yaml", data); err != nil && fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("kind of %v", err)
		}
		values := map[string]any{"a": map[string]any{"b": []any{"x"}}}
		if err := set(values, render.ResolvedValues{From: "Secret a/b", TargetPath: path, Data: data, Secret: true}); err != nil && fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("kind of %v", err)
		}
		var s secrets
		s.learn(data)
		for _, secret := range s {
			if got := s.mask("x " + secret + " y"); strings.Contains(got, secret) && !strings.Contains(masked, secret) {
				t.Errorf("%q is still in %q", secret, got)
			}
		}
	})
}
