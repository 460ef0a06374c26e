package driver

import (
	"context"
	"encoding/json"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Planner is a driver of tools that plan by themselves and carry a plan out as a
// whole: OpenTofu, Terraform. It stands beside [Driver], whose steps are planned here
// and carried out one by one; drivertest holds the promises of both (ADR 0014).
//
// Calls take as long as the tool does, so no pass makes one: package runs makes them
// in the background. All methods are safe for concurrent use.
type Planner interface {
	// Plan finds out what carrying out job would do. It changes nothing that job looks
	// after. Only intent Apply and Destroy take the state's lock. Where the tool gave up
	// half way the Proposal still says what it knew, with Set.Errored, beside the error.
	Plan(ctx context.Context, job Job, intent Intent, tell func(Event)) (Proposal, error)

	// Apply carries out exactly p, or nothing and fault.KindConflict where the state
	// moved since. A call with the ID of a job that was begun by a process that is no
	// more goes on with it, or returns how it ended. When ctx ends the tool is asked to
	// stop and is waited for: it is never killed while it may hold the lock.
	Apply(ctx context.Context, job Job, p Proposal, tell func(Event)) (Applied, error)

	// Outputs reads what the last Apply left, without planning.
	Outputs(ctx context.Context, job Job) (map[string]Output, error)

	// Unlock takes a lock off the state that nobody holds any more. The caller knows
	// that; the tool does not ask.
	Unlock(ctx context.Context, job Job, lockID string) error

	// Discard forgets what is kept on disk for the job with this ID.
	Discard(id string) error
}

// Intent is what a plan is made for.
type Intent uint8

// The intents.
const (
	IntentApply   Intent = iota // make real what Git has
	IntentDestroy               // destroy everything that the state knows
	IntentDrift                 // compare only; takes no lock and writes nothing
)

// Job is one unit's workspace at one content.
type Job struct {
	// ID names the run: the same ID is the same run, also after a restart. A plain
	// file name.
	ID   string
	Unit lockstep.Unit
	// Files are what Git has of it, by path from the root of the Source: the root
	// module's directory, the local modules that it uses, and what else was named.
	Files map[string][]byte
	// Dir is the root module's directory among Files.
	Dir string

	Tool      Tool
	Workspace string // "" is default
	// Variables are typed; later ones win over VarFiles, which are paths in Files.
	Variables []Variable
	VarFiles  []string
	Targets   []string
	Excludes  []string // OpenTofu only
	// Parallelism is the tool's own -parallelism; 0 for its default.
	Parallelism int
	// NoRefresh plans on what the state says, without asking the providers.
	NoRefresh bool
	// LockTimeoutSeconds is how long the tool waits for the state's lock.
	LockTimeoutSeconds int
	// Backend replaces the one that Files configure; nil leaves theirs.
	Backend *Backend
	// BackendConfig are settings for the one that Files configure: -backend-config.
	BackendConfig []Variable
	// Env is all that the tool sees of the environment besides what the driver sets.
	Env []Variable
	// Local says whether provisioners and data sources may run commands of the
	// repository's choosing on this machine (local-exec, external).
	Local bool
}

// Tool is the binary that a job wants.
type Tool struct {
	Name    string // tofu or terraform
	Version string // exact, "1.12.6", or a range; "" for whatever there is
	// SHA256 of the binary in hex; "" if any will do.
	SHA256 string
}

// Variable is one named value.
type Variable struct {
	Name string
	// Value is JSON for a variable of the module and plain text elsewhere.
	Value json.RawMessage
	// Secret values are masked wherever the tool would show them.
	Secret bool
}

// Backend is a state kept by Lockstep, spoken to by Terraform's HTTP protocol.
type Backend struct {
	Address, LockAddress, UnlockAddress string
	User, Password                      string // of this run alone
	CA                                  []byte // PEM; nil for the system's
}

// Proposal is a plan that a tool has made and kept.
type Proposal struct {
	Set change.Set
	// Digest is that of Set.
	Digest string
	// Artifact is the tool's saved plan, encrypted; only the driver that made it can
	// read it. nil for IntentDrift.
	Artifact []byte
	// ToolVersion that made it; no other may carry it out.
	ToolVersion string
	// Outputs as the state had them when it was planned; sensitive ones by value, so
	// never logged nor kept.
	Outputs map[string]Output
	// Resources counts what the state knows.
	Resources int
}

// Applied is what carrying out a proposal did.
type Applied struct {
	// Outcomes, one for each change, in the order in which they ended.
	Outcomes []ResourceOutcome
	Outputs  map[string]Output
	State    change.StateRef
	// Resources counts what the state knows now.
	Resources int
}

// ResourceOutcome is what became of one change.
type ResourceOutcome struct {
	Address string
	Action  change.Action
	Result  lockstep.Result
	Seconds float64
	Err     error // a *fault.Fault where Result is Failed
}

// Output is one value that a unit hands on.
type Output struct {
	Value     json.RawMessage
	Type      json.RawMessage // in the tool's own form: "string", ["list","string"]
	Sensitive bool
}

// Event is one line of progress, fit to be shown: no secret is in it.
type Event struct {
	// Phase is init, plan, apply or refresh.
	Phase   string
	Address string // "" if it is about the whole
	Action  change.Action
	// Moment is start, progress, done or failed; "" for a message.
	Moment  string
	Message string
	Seconds float64 // since start, where Moment says that it goes on or ended
}
