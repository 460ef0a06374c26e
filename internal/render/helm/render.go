package helm

import (
	"context"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	progress "github.com/lockstep-dev/lockstep/internal/render"
)

// defaultKubeVersion is what charts are told when the Target is not known.
const defaultKubeVersion = "v1.36.0"

// maxOutput bounds what the templates of one chart may write, in bytes.
const maxOutput = 64 << 20

// A Fetcher brings charts from repositories. It holds the credentials, and
// answers from its cache where it can: Render asks for every chart each time.
type Fetcher interface {
	Fetch(ctx context.Context, ref render.ChartRef) (render.ChartArchive, error)
}

// A Renderer renders charts and keeps the parsed form of those it has seen
// lately, by content. It is safe for concurrent use.
type Renderer struct {
	cache *cache
}

// New returns a Renderer with an empty cache.
func New() *Renderer {
	return &Renderer{cache: newCache()}
}

var shared = New()

// Render renders with a Renderer that the whole process shares. charts may be
// nil where nothing is to be fetched.
func Render(ctx context.Context, req render.Request, charts Fetcher) (render.Result, error) {
	return shared.Render(ctx, req, charts)
}

// Render renders the chart that req asks for. Every fault of one pass is
// returned, and none holds a value that came from a Secret.
func (r *Renderer) Render(ctx context.Context, req render.Request, charts Fetcher) (render.Result, error) {
	j := &job{r: r, ctx: ctx, req: req, charts: charts}
	if req.Helm != nil {
		j.spec = *req.Helm
	}
	if j.spec.ReleaseName == "" {
		// A Stack whose renderer was detected has no HelmSpec to say it.
		j.spec.ReleaseName = req.Release
	}
	res, err := j.run()
	if err != nil {
		return render.Result{}, j.secrets.maskFaults(err)
	}
	for i, w := range res.Warnings {
		res.Warnings[i] = j.secrets.mask(w)
	}
	return res, nil
}

// job is one call of Render.
type job struct {
	r       *Renderer
	ctx     context.Context
	req     render.Request
	spec    render.HelmSpec
	charts  Fetcher
	sources []*loaded // every chart that takes part, for origins
	secrets secrets
	warn    []string
}

func (j *job) run() (render.Result, error) {
	progress.Doing(j.ctx, "reading the values", j.req.Path)
	values, err := j.values()
	if err != nil {
		return render.Result{}, err
	}
	c, err := j.chart()
	if err != nil {
		return render.Result{}, err
	}
	if err := j.installable(c); err != nil {
		return render.Result{}, err
	}
	progress.Doing(j.ctx, "the chart", j.place())
	out, err := j.engine(c, values)
	if err != nil {
		return render.Result{}, err
	}
	progress.Doing(j.ctx, "reading what the templates wrote", j.place())
	return j.result(out)
}

// rendered is what came out of the engine.
type rendered struct {
	chart *chart.Chart // dependencies that are switched off taken out
	files map[string]string
}

// engine does what `helm template` does between having chart and values and
// having text.
func (j *job) engine(c *chart.Chart, values map[string]any) (out rendered, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Invalid("the chart cannot be rendered: %v", p).At("%s", j.place())
		}
	}()
	if err := chartutil.ProcessDependencies(c, values); err != nil {
		return out, fault.Invalid("the chart's dependencies do not fit its values: %s", oneLine(err.Error())).At("%s", j.place())
	}
	caps, err := j.capabilities()
	if err != nil {
		return out, err
	}
	top, err := util.ToRenderValuesWithSchemaValidation(c, values, j.release(), caps, true)
	if err != nil {
		return out, fault.Invalid("the values do not fit the chart: %s", oneLine(err.Error())).At("%s", j.place())
	}
	if !j.spec.SkipSchemaValidation {
		vals, _ := top["Values"].(common.Values)
		if err := j.validate(c, vals); err != nil {
			return out, err
		}
	}
	if err := j.ctx.Err(); err != nil {
		return out, fault.Timeout("rendering was stopped").At("%s", j.place()).Because(err)
	}
	e := engine.Engine{CustomTemplateFuncs: functions(j.ctx)}
	files, err := e.RenderWithContext(j.ctx, c, top)
	if err != nil {
		return out, j.explain(c, err)
	}
	size := 0
	for _, text := range files {
		size += len(text)
	}
	if size > maxOutput {
		return out, fault.Invalid("the templates write %d bytes, more than the limit of %d", size, maxOutput).At("%s", j.place())
	}
	return rendered{chart: c, files: files}, nil
}

// release is the .Release that templates see.
func (j *job) release() common.ReleaseOptions {
	rev := max(j.spec.Revision, 1)
	return common.ReleaseOptions{
		Name:      j.spec.ReleaseName,
		Namespace: j.namespace(),
		Revision:  rev,
		IsInstall: rev == 1,
		IsUpgrade: rev > 1,
	}
}

// namespace is Helm's default where the Request names none.
func (j *job) namespace() string {
	if j.req.Namespace == "" {
		return "default"
	}
	return j.req.Namespace
}

// capabilities are those of the Target where they are known, and Helm's default
// list of kinds where they are not.
func (j *job) capabilities() (*common.Capabilities, error) {
	version := j.req.KubeVersion
	if version == "" {
		version = defaultKubeVersion
	}
	kv, err := common.ParseKubeVersion(version)
	if err != nil {
		return nil, fault.Invalid("%q is not a Kubernetes version", version)
	}
	caps := common.DefaultCapabilities.Copy()
	caps.KubeVersion = *kv
	if len(j.req.APIVersions) > 0 {
		caps.APIVersions = j.req.APIVersions
	}
	return caps, nil
}

// installable refuses what `helm install` refuses before it renders.
func (j *job) installable(c *chart.Chart) error {
	root := j.sources[0]
	if t := c.Metadata.Type; t != "" && t != "application" {
		return fault.Invalid("chart %q is of type %q, which cannot be rendered by itself", c.Name(), t).
			At("%s", root.line("type")).
			WithHint("a library chart is used as a dependency of another chart")
	}
	if err := chartutil.ValidateReleaseName(j.spec.ReleaseName); err != nil {
		return fault.Invalid("%q is not a release name: %s", j.spec.ReleaseName, oneLine(err.Error())).
			WithHint("set spec.helm.releaseName: lower-case letters, digits, '-' and '.', at most 53 characters")
	}
	caps, err := j.capabilities()
	if err != nil {
		return err
	}
	want := c.Metadata.KubeVersion
	if want == "" || chartutil.IsCompatibleRange(want, caps.KubeVersion.String()) {
		return nil
	}
	return fault.Invalid("chart %q wants Kubernetes %q and the target has %q", c.Name(), want, caps.KubeVersion.Version).
		At("%s", root.line("kubeVersion")).
		WithHint("use a version of the chart that supports the target; a range such as \">=1.30.0-0\" also allows vendor suffixes")
}

// place is where faults about the whole chart are put.
func (j *job) place() string {
	if len(j.sources) == 0 {
		return j.req.Path
	}
	return j.sources[0].path("Chart.yaml")
}
