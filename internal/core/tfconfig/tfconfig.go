// Package tfconfig reads what a configuration of OpenTofu or Terraform says about the
// guards of its resources, for the rules of package risk.
//
// A plan does not hold it: prevent_destroy is gone from a commit together with the
// block that it protected, so the commit before is asked. Expressions are not
// evaluated. A guard that depends on a variable counts as one; whoever wrote it meant
// one.
package tfconfig

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// Config is what was found. Addresses are those of blocks, without the keys of count
// and for_each: module.db.fakecloud_database.main.
type Config struct {
	// Protected are the resources with prevent_destroy.
	Protected map[string]bool
	// Locked are the resources that a management lock of the same configuration names.
	Locked map[string]bool
	// Feeds lists the resources in whose blocks a resource is named, sorted.
	Feeds map[string][]string
	// Features are the switches of Azure's provider: key_vault.purge_soft_delete_on_destroy.
	Features map[string]bool
	// Unread are the files that could not be read whole, sorted: what they would have
	// said is not here.
	Unread []string
}

// Bounds on what somebody else wrote.
const (
	maxBytes = 512 << 10 // of one file
	maxDepth = 20        // modules within modules
	maxCalls = 5000      // of modules, altogether
)

// Read reads the root module in dir and the local modules that it calls, from files by
// their path.
func Read(files map[string][]byte, dir string) Config {
	r := reader{
		files: files, byDir: map[string][]string{}, unread: map[string]bool{}, bodies: map[string]hcl.Body{},
		out: Config{Protected: map[string]bool{}, Locked: map[string]bool{}, Feeds: map[string][]string{}, Features: map[string]bool{}},
	}
	for p := range files {
		r.byDir[path.Dir(p)] = append(r.byDir[path.Dir(p)], p)
	}
	r.module(path.Clean(dir), "")
	for a, users := range r.out.Feeds {
		slices.Sort(users)
		r.out.Feeds[a] = slices.Compact(users)
	}
	r.out.Unread = slices.Sorted(maps.Keys(r.unread))
	return r.out
}

type reader struct {
	files  map[string][]byte
	byDir  map[string][]string
	bodies map[string]hcl.Body // each file is parsed once, however often its module is called
	unread map[string]bool
	calls  int
	within []string // directories of the modules that are being read
	out    Config
}

var (
	rootSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "resource", LabelNames: []string{"type", "name"}},
		{Type: "module", LabelNames: []string{"name"}},
		{Type: "provider", LabelNames: []string{"name"}},
	}}
	resourceSchema  = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "lifecycle"}}}
	lifecycleSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "prevent_destroy"}}}
	moduleSchema    = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source"}}}
	lockSchema      = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "scope"}}}
)

// module reads the files of one module, called under a prefix: "module.db.".
func (r *reader) module(dir, prefix string) {
	if r.calls++; len(r.within) > maxDepth || r.calls > maxCalls || slices.Contains(r.within, dir) {
		r.unread[dir] = true // the tools refuse a module that is in itself
		return
	}
	r.within = append(r.within, dir)
	defer func() { r.within = r.within[:len(r.within)-1] }()
	names := slices.Clone(r.byDir[dir])
	slices.Sort(names)
	for _, name := range names {
		body := r.parse(name)
		if body == nil {
			continue
		}
		content, _, diags := body.PartialContent(rootSchema)
		if diags.HasErrors() {
			r.unread[name] = true
		}
		for _, b := range content.Blocks {
			switch b.Type {
			case "resource":
				r.resource(prefix, b)
			case "module":
				r.call(dir, prefix, b)
			case "provider":
				r.provider(b)
			}
		}
	}
}

// parse returns the body of a file; nil if it is none of a configuration.
func (r *reader) parse(name string) hcl.Body {
	if body, known := r.bodies[name]; known {
		return body
	}
	body := r.read(name)
	r.bodies[name] = body
	return body
}

func (r *reader) read(name string) hcl.Body {
	inJSON := strings.HasSuffix(name, ".tf.json") || strings.HasSuffix(name, ".tofu.json")
	if !inJSON && !strings.HasSuffix(name, ".tf") && !strings.HasSuffix(name, ".tofu") {
		return nil
	}
	if len(r.files[name]) > maxBytes {
		r.unread[name] = true
		return nil
	}
	var f *hcl.File
	var diags hcl.Diagnostics
	if inJSON {
		f, diags = json.Parse(r.files[name], name)
	} else {
		f, diags = hclsyntax.ParseConfig(r.files[name], name, hcl.InitialPos)
	}
	if diags.HasErrors() {
		r.unread[name] = true
	}
	if f == nil || f.Body == nil {
		return nil
	}
	return f.Body
}

func (r *reader) resource(prefix string, b *hcl.Block) {
	address := prefix + b.Labels[0] + "." + b.Labels[1]
	content, rest, _ := b.Body.PartialContent(resourceSchema)
	for _, l := range content.Blocks {
		attributes, _, _ := l.Body.PartialContent(lifecycleSchema)
		if a := attributes.Attributes["prevent_destroy"]; a != nil && !isFalse(a.Expr) {
			r.out.Protected[address] = true
		}
	}
	for _, t := range references(rest) {
		if used := named(t); used != "" && prefix+used != address {
			r.out.Feeds[prefix+used] = append(r.out.Feeds[prefix+used], address)
		}
	}
	if b.Labels[0] != "azurerm_management_lock" {
		return
	}
	attributes, _, _ := b.Body.PartialContent(lockSchema)
	if scope := attributes.Attributes["scope"]; scope != nil {
		for _, t := range scope.Expr.Variables() {
			if locked := named(t); locked != "" {
				r.out.Locked[prefix+locked] = true
			}
		}
	}
}

// isFalse says whether e is written out as false.
func isFalse(e hcl.Expression) bool {
	v, diags := e.Value(nil)
	return !diags.HasErrors() && v.IsKnown() && !v.IsNull() && v.Type() == cty.Bool && v.False()
}

// notResources are what may begin a reference that is to no resource.
var notResources = []string{"var", "local", "module", "data", "each", "count", "self", "path", "terraform", "tofu", "ephemeral", "provider"}

// named returns TYPE.NAME of the resource that t is of; "" if it is of none.
func named(t hcl.Traversal) string {
	if len(t) < 2 || slices.Contains(notResources, t.RootName()) {
		return ""
	}
	name, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		return ""
	}
	return t.RootName() + "." + name.Name
}

// references returns all that the attributes of a body and of the blocks in it name.
func references(body hcl.Body) []hcl.Traversal {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		var out []hcl.Traversal
		attributes, _ := body.JustAttributes()
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			out = append(out, attributes[name].Expr.Variables()...)
		}
		return out
	}
	var out []hcl.Traversal
	for _, name := range slices.Sorted(maps.Keys(native.Attributes)) {
		out = append(out, native.Attributes[name].Expr.Variables()...)
	}
	for _, b := range native.Blocks {
		out = append(out, references(b.Body)...)
	}
	return out
}

// call follows a call of a local module; others' configuration is not here.
func (r *reader) call(dir, prefix string, b *hcl.Block) {
	content, _, _ := b.Body.PartialContent(moduleSchema)
	a := content.Attributes["source"]
	if a == nil {
		return
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return
	}
	source := v.AsString()
	if strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../") {
		r.module(path.Join(dir, source), prefix+"module."+b.Labels[0]+".")
	}
}

// provider reads the switches of Azure's.
func (r *reader) provider(b *hcl.Block) {
	body, ok := b.Body.(*hclsyntax.Body)
	if b.Labels[0] != "azurerm" || !ok {
		return
	}
	for _, features := range body.Blocks {
		if features.Type != "features" {
			continue
		}
		for _, of := range features.Body.Blocks {
			for name, a := range of.Body.Attributes {
				if v, diags := a.Expr.Value(nil); !diags.HasErrors() && v.IsKnown() && !v.IsNull() && v.Type() == cty.Bool {
					r.out.Features[of.Type+"."+name] = v.True()
				}
			}
		}
	}
}
