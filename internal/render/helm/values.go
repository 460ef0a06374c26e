package helm

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// maxValuesBytes bounds one document of values.
const maxValuesBytes = 8 << 20

// values merges what the Stack gives, in its order: files, then ConfigMaps and
// Secrets, then its own. The chart's defaults come below them later.
func (j *job) values() (map[string]any, error) {
	out := map[string]any{}
	var errs []error
	add := func(where string, data []byte) {
		doc, err := readValues(where, data)
		if err != nil {
			errs = append(errs, err)
			return
		}
		out = loader.MergeMaps(out, doc)
	}
	for _, name := range j.spec.ValuesFiles {
		files, err := j.valuesFiles(name)
		errs = append(errs, err)
		for _, f := range files {
			add(f.origin, f.data)
		}
	}
	for _, v := range j.spec.ValuesFrom {
		if v.Secret {
			j.secrets.learn(v.Data)
		}
		if v.TargetPath == "" {
			add(v.From, v.Data)
			continue
		}
		errs = append(errs, set(out, v))
	}
	if len(j.spec.Values) > 0 {
		add("spec.helm.values", j.spec.Values)
	}
	return out, fault.Join(errs...)
}

// yamlLine finds the line in an error of the YAML package, which does not give
// it in another way. It serves the place of a fault, no decision.
var yamlLine = regexp.MustCompile(`line (\d+)`)

// readValues reads a document of values as Helm does: every number is a
// float64, several documents in a file are merged.
func readValues(where string, data []byte) (map[string]any, error) {
	if len(data) > maxValuesBytes {
		return nil, fault.Invalid("the values have %d bytes, more than the limit of %d", len(data), maxValuesBytes).At("%s", where)
	}
	doc, err := loader.LoadValues(bytes.NewReader(bytes.TrimPrefix(data, utf8BOM)))
	if err == nil {
		return doc, nil
	}
	at := where
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		at += ":" + m[1]
	}
	return nil, fault.Invalid("the values are not a YAML mapping: %s", lastPart(err.Error())).At("%s", at)
}

// set puts one value at a path, written as for helm --set. The value is taken
// whole, so that a comma in a password does not begin another path; a value in
// quotes is text, and any other that reads as a boolean, null or integer is one.
func set(values map[string]any, v render.ResolvedValues) error {
	if strings.ContainsAny(v.TargetPath, "=,{}\n") {
		return fault.Invalid("target path %q of %s does not name one value", v.TargetPath, v.From).
			WithHint("write it like image.tag or hosts[0].name")
	}
	reader := func([]rune) (any, error) { return typed(string(v.Data)), nil }
	if err := strvals.ParseIntoFile(v.TargetPath+"=x", values, reader); err != nil {
		return fault.Invalid("target path %q of %s cannot be set: %s", v.TargetPath, v.From, oneLine(err.Error())).
			WithHint("write it like image.tag or hosts[0].name; what is above it must be a mapping or a list")
	}
	return nil
}

func typed(s string) any {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	switch {
	case strings.EqualFold(s, "true"):
		return true
	case strings.EqualFold(s, "false"):
		return false
	case strings.EqualFold(s, "null"):
		return nil
	case s == "0":
		return int64(0)
	case s != "" && s[0] != '0':
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
	}
	return s
}

// valuesFiles reads the files that one entry of valuesFiles names.
func (j *job) valuesFiles(name string) ([]file, error) {
	tree, source, p, err := j.valuesTree(name)
	if err != nil {
		return nil, err
	}
	names := []string{p}
	if isGlob(p) {
		if names, err = expand(tree, p); err != nil {
			return nil, err
		}
	}
	var out []file
	for _, n := range names {
		data, err := tree.ReadFile(n)
		if errors.Is(err, lockstep.ErrNotExist) && j.spec.IgnoreMissingValuesFiles {
			continue
		}
		if err != nil {
			f := fault.As(treeFault(source+n, err))
			if errors.Is(err, lockstep.ErrNotExist) {
				f = fault.Invalid("values file %q does not exist", name).At("%s", source+n).WithHint("%s", nearby(tree, n))
			}
			return nil, f
		}
		out = append(out, file{name: n, origin: source + n, data: data})
	}
	if len(names) == 0 && !j.spec.IgnoreMissingValuesFiles {
		return nil, fault.Invalid("no file matches the values file pattern %q", name).At("%s", j.req.Path).
			WithHint("patterns are relative to %s; set ignoreMissingValuesFiles if there may be none", j.req.Path)
	}
	return out, nil
}

// valuesTree tells which tree name is in, and its path there. source stands
// before paths of another Source in messages.
func (j *job) valuesTree(name string) (tree lockstep.Tree, source, p string, err error) {
	tree, p = j.req.Tree, path.Join("/", j.req.Path)[1:]+"/"+name
	switch {
	case strings.HasPrefix(name, "/"):
		p = name
	case strings.HasPrefix(name, "$"):
		parts := strings.SplitN(name[1:], "/", 3)
		if len(parts) < 3 {
			return nil, "", "", fault.Invalid("values file %q does not name a file of a source", name).
				WithHint("write it as $namespace/name/path/in/source.yaml")
		}
		source = "$" + parts[0] + "/" + parts[1] + "/"
		p = parts[2]
		if tree = j.req.Trees[parts[0]+"/"+parts[1]]; tree == nil {
			return nil, "", "", fault.Invalid("values file %q is of source %s/%s, which is not at hand", name, parts[0], parts[1]).
				WithHint("check that the Source exists, is ready, and may be used by this Stack")
		}
	}
	clean, err := lockstep.CleanPath(p)
	if err != nil {
		return nil, "", "", fault.Invalid("values file %q leads out of the source", name).At("%s", j.req.Path)
	}
	return tree, source, clean, nil
}

// nearby names the YAML files beside one that is missing.
func nearby(tree lockstep.Tree, p string) string {
	entries, err := tree.ReadDir(path.Dir(p))
	if err != nil {
		return "the directory " + strconv.Quote(path.Dir(p)) + " does not exist either"
	}
	var names []string
	for _, e := range entries {
		if ext := path.Ext(e.Name); ext == ".yaml" || ext == ".yml" || ext == ".json" {
			names = append(names, e.Name)
		}
	}
	if len(names) == 0 {
		return "there are no YAML files beside it"
	}
	slices.Sort(names)
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	return "beside it are: " + strings.Join(names, ", ")
}
