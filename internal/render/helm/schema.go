package helm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// maxSchemaFaults bounds how many mistakes one chart's schema reports.
const maxSchemaFaults = 20

var english = message.NewPrinter(language.English)

// validate checks values against the schemas of c and of the charts inside it,
// with the library and the settings that Helm uses, but for one: Helm follows a
// $ref to any file of the machine and to any URL, this does not.
func (j *job) validate(c *chart.Chart, values map[string]any) error {
	return fault.Join(j.schemas(c, values, nil)...)
}

func (j *job) schemas(c *chart.Chart, values map[string]any, above []string) []error {
	var errs []error
	if c.Schema != nil {
		errs = append(errs, j.against(c, values, above)...)
	}
	for _, sub := range c.Dependencies() {
		raw, ok := values[sub.Name()]
		if !ok || raw == nil {
			continue
		}
		at := append(append([]string(nil), above...), sub.Name())
		m, ok := raw.(map[string]any)
		if !ok {
			errs = append(errs, fault.Invalid("value %s must be a mapping, because it is for chart %q", valuePath(at), sub.Name()).At("%s", j.place()))
			continue
		}
		errs = append(errs, j.schemas(sub, m, at)...)
	}
	return errs
}

func (j *job) against(c *chart.Chart, values map[string]any, above []string) (errs []error) {
	where := j.schemaPlace(c)
	defer func() {
		if p := recover(); p != nil { // the library panics on values it does not know
			errs = []error{fault.Invalid("the values cannot be checked: %v", p).At("%s", where)}
		}
	}()
	schema, err := compile(c.Schema)
	if err != nil {
		var remote *jsonschema.LoadURLError
		f := fault.Invalid("not a JSON schema: %s", oneLine(err.Error())).At("%s", where)
		if errors.As(err, &remote) {
			f = fault.Invalid("the schema refers to %q, which is not fetched", remote.URL).At("%s", where).
				WithHint("copy what it refers to into the schema, or set skipSchemaValidation")
		}
		return []error{f}
	}
	err = schema.Validate(values)
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		return leaves(invalid, above, where, nil)
	}
	if err != nil {
		return []error{fault.Invalid("the values cannot be checked: %s", oneLine(err.Error())).At("%s", where)}
	}
	return nil
}

// schemaPlace names the schema of c, by the path of the chart in its parents.
func (j *job) schemaPlace(c *chart.Chart) string {
	if c.IsRoot() {
		return j.sources[0].path("values.schema.json")
	}
	return strings.TrimPrefix(c.ChartFullPath(), c.Root().Name()+"/") + "/values.schema.json"
}

func compile(text []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	const self = "file:///values.schema.json"
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(self, doc); err != nil {
		return nil, err
	}
	return c.Compile(self)
}

// leaves returns one fault for each value that is wrong.
func leaves(e *jsonschema.ValidationError, above []string, where string, out []error) []error {
	if len(e.Causes) == 0 && len(out) < maxSchemaFaults {
		at := append(append([]string(nil), above...), e.InstanceLocation...)
		return append(out, fault.Invalid("value %s: %s", valuePath(at), oneLine(e.ErrorKind.LocalizedString(english))).
			At("%s", where).
			WithHint("the chart's values.schema.json asks for this"))
	}
	for _, c := range e.Causes {
		out = leaves(c, above, where, out)
	}
	return out
}

// valuePath writes a place in the values as people do: ingress.hosts[0].
func valuePath(path []string) string {
	var b strings.Builder
	for _, p := range path {
		switch _, err := strconv.Atoi(p); {
		case err == nil:
			fmt.Fprintf(&b, "[%s]", p)
		case b.Len() > 0:
			b.WriteString("." + p)
		default:
			b.WriteString(p)
		}
	}
	if b.Len() == 0 {
		return "(all)"
	}
	return strconv.Quote(b.String())
}

// noLoader refuses every document but the metaschemas that are built in. A URN
// that nobody resolves allows everything, as with Helm.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	if strings.HasPrefix(url, "urn:") {
		return true, nil
	}
	return nil, errRefused
}

var errRefused = errors.New("schemas are not fetched")
