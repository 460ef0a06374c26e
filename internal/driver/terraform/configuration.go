package terraform

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// configuration is what is known of a root module and the local modules below it
// without running anything.
type configuration struct {
	files map[string][]byte
	seen  map[string]bool // directories
	order []string        // of seen
	// facts are what decides which providers, modules and backend init prepares.
	facts []string
	// dependsOnVariables: a module's source or the backend is said by an expression.
	dependsOnVariables bool
	backend            bool // the root module configures where its state is
	localState         *problem
	problems           []problem
	errs               []error
	// wanted, if it is not nil, gets the directories of local modules, there or not.
	wanted map[string]bool
}

// problem is something that a repository does and a policy may forbid.
type problem struct {
	place, what string
}

// Bounds of what is read of a repository.
const (
	maxSource  = 1 << 20 // one file of configuration
	maxNesting = 500     // brackets within brackets; the parsers recurse
	maxModules = 1000
)

// readConfiguration parses the root module in dir and every local module that it uses.
func readConfiguration(files map[string][]byte, dir string) (*configuration, error) {
	c := &configuration{files: files, seen: map[string]bool{}}
	clean, err := lockstep.CleanPath(dir)
	if err != nil {
		return nil, fault.Invalid("the path %q leads out of the source", dir).Because(err)
	}
	c.module(clean)
	if err := fault.Join(c.errs...); err != nil {
		return nil, err
	}
	if !c.has(clean) {
		return nil, fault.Invalid("there is no file that ends in .tf, .tofu, .tf.json or .tofu.json").At("%s", clean).
			WithHint("spec.path has to be the directory of a root module")
	}
	slices.Sort(c.facts)
	return c, nil
}

// HasBackend says whether the root module in dir configures where its state is kept.
func HasBackend(files map[string][]byte, dir string) (bool, error) {
	c, err := readConfiguration(files, dir)
	if err != nil {
		return false, err
	}
	return c.backend, nil
}

func (c *configuration) has(dir string) bool {
	for f := range c.files {
		if path.Dir(f) == dir && isSource(f) {
			return true
		}
	}
	return false
}

func isSource(name string) bool { return isNative(name) || isJSON(name) }
func isNative(name string) bool {
	return strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tofu")
}
func isJSON(name string) bool {
	return strings.HasSuffix(name, ".tf.json") || strings.HasSuffix(name, ".tofu.json")
}

// module reads the files of one directory, and then the modules that they use.
func (c *configuration) module(dir string) {
	if c.seen[dir] {
		return
	}
	if len(c.seen) >= maxModules {
		c.errs = append(c.errs, fault.Invalid("more than %d modules are used", maxModules))
		return
	}
	root := len(c.seen) == 0
	c.seen[dir] = true
	c.order = append(c.order, dir)
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		if path.Dir(name) != dir || !isSource(name) {
			continue
		}
		r := &reading{configuration: c, file: name, dir: dir, root: root, src: c.files[name]}
		if err := r.read(); err != nil {
			c.errs = append(c.errs, err)
		}
	}
}

// reading is one file.
type reading struct {
	*configuration
	file, dir string
	root      bool
	src       []byte
}

func (r *reading) read() error {
	if len(r.src) > maxSource {
		return fault.Invalid("the file has more than %d bytes", maxSource).At("%s", r.file)
	}
	if line, deep := tooDeep(r.src); deep {
		return fault.Invalid("brackets are nested more than %d deep", maxNesting).At("%s:%d", r.file, line)
	}
	if isJSON(r.file) {
		return r.readJSON()
	}
	f, diags := hclsyntax.ParseConfig(r.src, r.file, hcl.InitialPos)
	if diags.HasErrors() {
		return syntaxFault(r.file, diags)
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil
	}
	for _, b := range body.Blocks {
		r.block(b)
	}
	return nil
}

func syntaxFault(file string, diags hcl.Diagnostics) error {
	var errs []error
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		f := fault.Invalid("%s", sentence(d.Summary+": "+d.Detail))
		if d.Subject != nil {
			f.At("%s:%d", file, d.Subject.Start.Line)
		}
		errs = append(errs, f.At("%s", file))
	}
	return fault.Join(errs...)
}

// tooDeep counts brackets and signs in a row wherever they stand: what it takes for
// nesting by mistake, in a text, is closed again.
func tooDeep(src []byte) (line int, deep bool) {
	depth, row := 0, 0
	line = 1
	for _, c := range src {
		switch c {
		case '\n':
			line++
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
		switch c {
		case '!', '-', '?':
			row++
		case ' ', '\n', '\t', ':', '1', 'a': // what may stand between
		default:
			row = 0
		}
		// Rules and rulers of dashes are common in comments.
		if depth > maxNesting || row > 20*maxNesting {
			return line, true
		}
	}
	return 0, false
}

// block reads one block of the file.
func (r *reading) block(b *hclsyntax.Block) {
	switch b.Type {
	case "terraform":
		r.terraform(b)
	case "module":
		r.call(b)
	case "provider":
		r.fact("provider", label(b, 0))
		r.noExec(b.Body, b.Type)
	case "resource", "data", "ephemeral", "action":
		r.resource(b)
	case "removed":
		r.provisioners(b.Body)
	case "import", "check":
		if a := b.Body.Attributes["provider"]; a != nil {
			r.fact("provider of an import", r.text(a.Expr))
		}
		for _, inner := range b.Body.Blocks {
			if inner.Type == "data" {
				r.resource(inner)
			}
		}
	}
	r.functions(b.Body)
}

func label(b *hclsyntax.Block, i int) string {
	if i < len(b.Labels) {
		return b.Labels[i]
	}
	return ""
}

func (r *reading) fact(parts ...string) {
	r.facts = append(r.facts, r.dir+"\x00"+strings.Join(parts, "\x00"))
}

func (r *reading) text(e hcl.Expression) string {
	return string(bytes.TrimSpace(e.Range().SliceBytes(r.src)))
}

// terraform is the block that says which providers and where the state is.
func (r *reading) terraform(b *hclsyntax.Block) {
	text := string(b.Range().SliceBytes(r.src)) + string(b.Body.Range().SliceBytes(r.src))
	r.fact("terraform", text)
	r.varies(text)
	for _, inner := range b.Body.Blocks {
		switch inner.Type {
		case "backend":
			r.foundBackend(label(inner, 0), r.place(inner.TypeRange.Start.Line), constant(inner.Body.Attributes["path"]))
		case "cloud":
			r.foundBackend("cloud", r.place(inner.TypeRange.Start.Line), "")
		case "encryption":
			for _, e := range inner.Body.Blocks {
				if (e.Type == "key_provider" || e.Type == "method") && label(e, 0) == "external" {
					r.problem(e.TypeRange.Start.Line, e.Type+` "external" runs a command`)
				}
			}
		}
	}
}

func (r *reading) foundBackend(kind, place, file string) {
	if !r.root {
		return
	}
	r.configuration.backend = true
	if kind == "local" && !path.IsAbs(file) {
		r.localState = &problem{place, `backend "local" keeps the state in a file of the working directory, which is not kept`}
	}
}

// varies notes that what init does may depend on variables.
func (r *reading) varies(text string) {
	if strings.Contains(text, "var.") || strings.Contains(text, "local.") {
		r.dependsOnVariables = true
		for name, data := range r.files { // locals may be said anywhere
			if path.Dir(name) == r.dir && isSource(name) {
				r.facts = append(r.facts, name+"\x00"+string(data))
			}
		}
	}
}

// call is the use of a module.
func (r *reading) call(b *hclsyntax.Block) {
	a := b.Body.Attributes["source"]
	if a == nil {
		return // the tool says so
	}
	text := r.text(a.Expr)
	version := ""
	if v := b.Body.Attributes["version"]; v != nil {
		version = r.text(v.Expr)
	}
	r.fact("module", label(b, 0), text, version)
	r.varies(text + version)
	r.uses(constant(a), a.SrcRange.Start.Line)
}

// uses reads a module, if it is a local one.
func (r *reading) uses(source string, line int) {
	switch {
	case strings.HasPrefix(source, "/"):
		r.errs = append(r.errs, fault.Invalid("the module %q is not in the source", source).At("%s", r.place(line)).WithHint("name it relative to the module that uses it"))
	case isLocal(source):
		dir, err := lockstep.CleanPath(r.dir + "/" + source)
		if err != nil {
			r.errs = append(r.errs, fault.Invalid("the module %q leads out of the source", source).At("%s", r.place(line)).Because(err))
			return
		}
		if r.wanted != nil {
			r.wanted[dir] = true
		}
		if !r.has(dir) {
			r.errs = append(r.errs, fault.Invalid("the module %q is not there: %s has no configuration", source, dir).At("%s", r.place(line)))
			return
		}
		r.module(dir)
	}
}

func isLocal(source string) bool {
	return source == "." || source == ".." || strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
}

// constant is the text of an attribute that is one; "" otherwise.
func constant(a *hclsyntax.Attribute) string {
	if a == nil {
		return ""
	}
	return constantText(a.Expr)
}

func constantText(e hclsyntax.Expression) string {
	v, diags := e.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type().FriendlyName() != "string" {
		return ""
	}
	return v.AsString()
}

func (r *reading) place(line int) string { return placeAt(r.file, line) }

// readJSON reads a file in JSON syntax. What init does is taken to depend on all of it.
func (r *reading) readJSON() error {
	var v any
	if err := json.Unmarshal(r.src, &v); err != nil {
		f := fault.Invalid("%s", sentence(err.Error()))
		if s, ok := err.(*json.SyntaxError); ok { //nolint:errorlint // it is returned bare
			f.At("%s", r.place(1+bytes.Count(r.src[:min(int(s.Offset), len(r.src))], []byte("\n"))))
		}
		return f.At("%s", r.file)
	}
	r.fact(r.file, string(r.src))
	root, ok := v.(map[string]any)
	if !ok {
		return fault.Invalid("the file is not a JSON object").At("%s:1", r.file)
	}
	r.varies(string(r.src))
	labelled(root["terraform"], 0, func(_ []string, body map[string]any) {
		labelled(body["backend"], 1, func(l []string, b map[string]any) {
			file, _ := b["path"].(string)
			r.foundBackend(l[0], r.find("backend"), file)
		})
		labelled(body["cloud"], 0, func([]string, map[string]any) { r.foundBackend("cloud", r.find("cloud"), "") })
	})
	labelled(root["module"], 1, func(l []string, body map[string]any) {
		if s, ok := body["source"].(string); ok {
			r.uses(s, r.line(s))
		}
	})
	r.policyJSON(root)
	return nil
}

// labelled visits the bodies of blocks that have a number of labels, which JSON syntax
// lets stand in lists at every level.
func labelled(v any, labels int, visit func([]string, map[string]any)) {
	descend(v, nil, labels, visit)
}

func descend(v any, so []string, labels int, visit func([]string, map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			descend(e, so, labels, visit)
		}
	case map[string]any:
		if labels == 0 {
			visit(so, v)
			return
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			descend(v[k], append(slices.Clip(so), k), labels-1, visit)
		}
	}
}

// line is where a word stands first. encoding/json does not say, and a person finds it.
func (r *reading) line(word string) int {
	quoted, err := json.Marshal(word)
	at := bytes.Index(r.src, quoted)
	if err != nil || at < 0 {
		return 1
	}
	return 1 + bytes.Count(r.src[:at], []byte("\n"))
}

func (r *reading) find(word string) string { return r.place(r.line(word)) }

// check holds a configuration against what the job allows.
func (c *configuration) check(job driver.Job) error {
	if job.Backend == nil {
		if !c.backend {
			return fault.Invalid("the module does not say where its state is kept").At("%s", job.Dir).
				WithHint("configure a backend, or let Lockstep keep the state: spec.terraform.state: lockstep")
		}
		if c.localState != nil {
			return fault.Invalid("%s", c.localState.what).At("%s", c.localState.place).WithHint("let Lockstep keep the state, or use a backend that is somewhere else")
		}
	}
	return c.policy(job)
}
