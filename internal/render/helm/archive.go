package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

var drive = regexp.MustCompile(`^[a-zA-Z]:/`)

// budget is what a chart may unpack to, with every archive inside it.
type budget struct {
	bytes int64
	files int
}

func newBudget() *budget { return &budget{bytes: maxChartBytes, files: maxChartFiles} }

// archived parses the chart in a, which came from a repository as name.
func (r *Renderer) archived(a render.ChartArchive, name string) (*loaded, error) {
	key := "archive:" + name + "@" + a.Version + " " + a.Digest
	if l, ok := r.cache.get(key); ok {
		return l, nil
	}
	root := name + "@" + a.Version
	files, err := unpack(a.Data, root, newBudget())
	if err != nil {
		return nil, err
	}
	l, err := assemble(files, root)
	if err != nil {
		return nil, err
	}
	l.key = key
	r.cache.put(l)
	return l, nil
}

// unpack reads a chart archive: a gzipped tar with everything below one
// directory. Nothing is written anywhere; names that would lead out of that
// directory are refused all the same, because templates see them.
func unpack(data []byte, root string, b *budget) ([]file, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fault.Invalid("not a chart archive: %s", oneLine(err.Error())).At("%s", root).
			WithHint("a chart archive is a gzipped tar file, as helm package writes it")
	}
	defer func() { _ = z.Close() }() // nothing to lose in a reader
	var out []file
	seen := map[string]bool{}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Invalid("the chart archive is damaged: %s", oneLine(err.Error())).At("%s", root)
		}
		name, use, err := entryName(h)
		if err != nil {
			return nil, fault.As(err).At("%s", root)
		}
		if !use {
			continue
		}
		body, err := b.read(t)
		if err != nil {
			return nil, fault.As(err).At("%s", root)
		}
		if seen[name] {
			return nil, fault.Invalid("the chart archive holds %q twice", name).At("%s", root)
		}
		seen[name] = true
		out = append(out, file{name: name, origin: path.Join(root, name), data: bytes.TrimPrefix(body, utf8BOM)})
	}
	if len(out) == 0 {
		return nil, fault.Invalid("the chart archive is empty").At("%s", root)
	}
	return out, nil
}

// entryName returns the name of an entry without the directory that everything
// is in.
func entryName(h *tar.Header) (name string, use bool, err error) {
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader, tar.TypeXHeader:
		return "", false, nil
	case tar.TypeReg:
	default:
		return "", false, fault.Invalid("the chart archive holds %q, which is not a plain file", h.Name).
			WithHint("helm package follows links; pack the chart with it")
	}
	if h.FileInfo().IsDir() {
		return "", false, nil
	}
	full := strings.ReplaceAll(h.Name, `\`, "/")
	dir, rest, found := strings.Cut(full, "/")
	if dir == "Chart.yaml" && !found {
		return "", false, fault.Invalid("the chart archive has no directory around Chart.yaml").
			WithHint("pack the chart with helm package")
	}
	clean := path.Clean(rest)
	if !found || rest == "" || clean == "." || path.IsAbs(rest) || clean == ".." || strings.HasPrefix(clean, "../") || drive.MatchString(clean) {
		return "", false, fault.Invalid("the chart archive holds %q, which leads out of the chart", h.Name)
	}
	return clean, true, nil
}

// read reads one entry within the budget.
func (b *budget) read(in io.Reader) ([]byte, error) {
	if b.files--; b.files < 0 {
		return nil, fault.Invalid("the chart archive holds more than %d files", maxChartFiles)
	}
	body, err := io.ReadAll(io.LimitReader(in, b.bytes+1))
	if err != nil {
		return nil, fault.Invalid("the chart archive is damaged: %s", oneLine(err.Error()))
	}
	if b.bytes -= int64(len(body)); b.bytes < 0 {
		return nil, fault.Invalid("the chart archive unpacks to more than the limit of %d bytes", maxChartBytes)
	}
	return body, nil
}
