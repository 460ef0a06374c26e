package httpapi

import (
	"time"

	"github.com/lockstep-dev/lockstep/internal/server/board"
)

// StackPage is one page of Stacks with what is to be said of all that match.
type StackPage struct {
	Items []board.StackRow `json:"items"`
	// Next is absent on the last page.
	Next    string `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
	Matches int    `json:"matches" doc:"how many Stacks the filter lets through"`
	// Counts and Facets are of what the filter lets through, Fleet of everything that
	// the person may see.
	Counts  board.Counts `json:"counts" doc:"of those that the filter lets through"`
	Facets  board.Facets `json:"facets" doc:"of those that the filter lets through"`
	Fleet   board.Counts `json:"fleet" doc:"of all that the person may see"`
	Version uint64       `json:"version" doc:"of this server's knowledge; events after it are news"`
	Filter  string       `json:"filter" doc:"the filter as it was understood, in its canonical form"`
}

// StackMap is the name and state of every Stack, in columns.
type StackMap struct {
	// Groups in order, Sizes how many Stacks follow one another in each.
	Groups []string `json:"groups" doc:"values of the field that the map is grouped by, in order of the Stacks"`
	Sizes  []int    `json:"sizes" doc:"how many Stacks each group has; they follow one another"`
	// Names has a name, or namespace/name where the map is not grouped by namespace.
	Names []string `json:"names" doc:"NAME where grouped by namespace, else NAMESPACE/NAME; in order of groups, then of names"`
	// States has one character for each Stack.
	States  string       `json:"states" doc:"one character for each Stack, an index into legend: 0-9, then a-z"`
	Legend  []MapState   `json:"legend" doc:"what the characters of states stand for, in order"`
	Counts  board.Counts `json:"counts"`
	Version uint64       `json:"version"`
}

// MapState is what one character of a map stands for.
type MapState struct {
	Health string `json:"health" enum:"Healthy,Progressing,Degraded,Missing,Suspended,Unknown"`
	Step   string `json:"step" enum:"InStep,Behind,Drifted,Blocked,Failing,Paused"`
}

// StackDetail is all that is known of one Stack without asking its Target.
type StackDetail struct {
	board.StackRow
	UID             string            `json:"uid"`
	Labels          map[string]string `json:"labels"`
	FullMessage     string            `json:"fullMessage" doc:"message, in full"`
	Since           time.Time         `json:"since" doc:"when the condition Ready became what it is"`
	Created         time.Time         `json:"created"`
	SourceState     *SourceRow        `json:"sourceState,omitempty" doc:"absent where the Source does not exist or may not be seen"`
	UpToDateAt      string            `json:"upToDateAt,omitempty" doc:"the Source's newest commit as people read it, where the Stack is up to date with it"`
	TargetState     *TargetRow        `json:"targetState,omitempty" doc:"absent where the Target does not exist or may not be seen"`
	TargetNamespace string            `json:"targetNamespace" doc:"where objects go that name no namespace"`
	Account         string            `json:"serviceAccount,omitempty" doc:"as which changes are made on the Target"`
	Policy          SyncPolicy        `json:"policy"`
	HealthText      string            `json:"healthMessage,omitempty" doc:"the first of the worst objects and what is wrong with it"`
	Kinds           []string          `json:"kinds" doc:"kinds that it has objects of"`
	Lifecycle       *Lifecycle        `json:"lifecycle,omitempty" doc:"of the current release; absent before the first"`
	Plan            *PlanSummary      `json:"plan,omitempty" doc:"what is to be done; absent when that is nothing"`
	Conditions      []Condition       `json:"conditions"`
	Drift           *Drift            `json:"drift,omitempty"`
	Run             *Run              `json:"run,omitempty" doc:"how far a release with hooks or waves is"`
	Pause           *Pause            `json:"pause,omitempty"`
	Hold            *Hold             `json:"hold,omitempty"`
	Dependencies    []StackState      `json:"dependsOn" doc:"Stacks that come first"`
	Dependants      []StackState      `json:"dependants" doc:"Stacks that wait for this one"`
	Inputs          []Input           `json:"inputs" doc:"what the render reads beside its path"`
	Releases        []ReleaseRow      `json:"releases" doc:"the newest ten, newest first"`
	Request         *OpenRequest      `json:"request,omitempty" doc:"a pass that was asked for and has not ended"`
	Handled         string            `json:"handled,omitempty" doc:"value of the request that the last pass has carried out"`
	Deleting        *time.Time        `json:"deleting,omitempty" doc:"since when it is being deleted"`
}

// SyncPolicy is how changes of a Stack are carried out.
type SyncPolicy struct {
	Mode     string `json:"mode" enum:"auto,manual"`
	Prune    bool   `json:"prune" doc:"whether what leaves Git is deleted"`
	Drift    string `json:"drift" enum:"heal,report,ignore"`
	Deletion string `json:"deletion" enum:"delete,orphan,wait" doc:"what becomes of the objects when the Stack is deleted"`
	Timeout  int64  `json:"timeout" doc:"seconds until a release has to be healthy"`
	Interval int64  `json:"interval" doc:"seconds between two checks where nothing happens"`
}

// Lifecycle is the way of one release from commit to healthy.
type Lifecycle struct {
	Release  int64      `json:"release" doc:"0 while it has no number yet"`
	Revision string     `json:"revision,omitempty"`
	Subject  string     `json:"subject,omitempty"`
	Author   string     `json:"author,omitempty"`
	Cause    string     `json:"cause,omitempty" doc:"commit, spec, drift, retry, request or test"`
	Outcome  string     `json:"outcome" enum:"Progressing,Succeeded,Failed,Superseded"`
	Started  *time.Time `json:"started,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
	Lead     *float64   `json:"lead,omitempty" doc:"seconds from the commit to healthy, of a release that was made for a commit and got there"`
	// Steps always has all of them, in order, so that the strip does not move.
	Steps []LifecycleStep `json:"steps" doc:"commit, fetched, rendered, planned, gates, applied, healthy: always all, in that order"`
}

// LifecycleStep is one station on that way.
type LifecycleStep struct {
	Name string `json:"name" enum:"commit,fetched,rendered,planned,gates,applied,healthy"`
	// State is todo until the step begins.
	State string     `json:"state" enum:"done,running,waiting,failed,todo,skipped"`
	At    *time.Time `json:"at,omitempty" doc:"when it was done, or began where it is not; absent where nobody noted it"`
	Took  *float64   `json:"took,omitempty" doc:"seconds since the step before; of the first steps only where the release was made for a commit"`
	Note  string     `json:"note,omitempty" doc:"312 objects; +0 ~3 −0; 2 of 5 ready"`
}

// PlanSummary counts a plan's steps.
type PlanSummary struct {
	Digest  string `json:"digest"`
	Summary string `json:"summary" example:"1 to create, 2 to change"`
	Held    string `json:"held,omitempty" doc:"the gate that is closed, if one is"`
}

// Condition is one condition of the object's status.
type Condition struct {
	Type    string    `json:"type"`
	Status  string    `json:"status" enum:"True,False,Unknown"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// Drift is what somebody else has changed.
type Drift struct {
	Objects   int32         `json:"objects"`
	Fields    int32         `json:"fields"`
	LeftAlone int32         `json:"leftAlone" doc:"objects that an annotation takes out of Lockstep's hands"`
	Since     *time.Time    `json:"since,omitempty"`
	Records   []DriftRecord `json:"records" doc:"the first ten fields; all of them: GET …/drift"`
}

// DriftRecord is one field that somebody else has changed.
type DriftRecord struct {
	Object      string     `json:"object" doc:"Kind.group/namespace/name"`
	Field       string     `json:"field,omitempty" doc:"absent where the whole object is gone"`
	Git         string     `json:"git,omitempty" doc:"the value that Git decides, as JSON, masked where secret"`
	Live        string     `json:"live,omitempty" doc:"the value on the Target; absent where it is gone"`
	Manager     string     `json:"manager,omitempty" doc:"field manager that owns the live value"`
	Operation   string     `json:"operation,omitempty" doc:"Apply, Update or Delete"`
	Subresource string     `json:"subresource,omitempty"`
	User        string     `json:"user,omitempty" doc:"who did it, where the cluster's audit tells"`
	FirstSeen   time.Time  `json:"firstSeen"`
	State       string     `json:"state" enum:"healing,waiting,resting,held,reported,protected,ignored"`
	Until       *time.Time `json:"until,omitempty" doc:"when it is healed next"`
	Healed      int32      `json:"healed" doc:"how often it was healed and came back"`
	Next        string     `json:"next" doc:"what happens next, in words"`
}

// Run is how far a release of several passes is.
type Run struct {
	Action   string    `json:"action" enum:"install,upgrade,rollback,delete,test"`
	State    string    `json:"state" doc:"PreApply, Applying, PostApply, Testing, Failing, Succeeded, Failed, Superseded, PreDelete, Deleting, PostDelete or Gone"`
	Wave     *int32    `json:"wave,omitempty"`
	Attempt  int32     `json:"attempt"`
	Started  time.Time `json:"started"`
	Since    time.Time `json:"since" doc:"when what is waited for began, or when it ended"`
	FailedIn string    `json:"failedIn,omitempty"`
	Message  string    `json:"message,omitempty"`
	Request  string    `json:"request,omitempty" doc:"what asked for it, of a test"`
	Hooks    []RunHook `json:"hooks"`
}

// RunHook is how far one hook is.
type RunHook struct {
	Object  string `json:"object" doc:"Kind.group/namespace/name"`
	State   string `json:"state" enum:"Due,Intended,Running,Succeeded,Failed"`
	Message string `json:"message,omitempty"`
}

// Pause says that nothing is changed on purpose.
type Pause struct {
	Reason string     `json:"reason,omitempty"`
	By     string     `json:"by,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Until  *time.Time `json:"until,omitempty" doc:"when it ends by itself"`
}

// Hold says that an earlier commit is kept live while Git goes on.
type Hold struct {
	Revision string    `json:"revision" doc:"the commit that is kept live"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`
	Until    time.Time `json:"until" doc:"when it ends by itself"`
}

// StackState is another Stack and how it is doing. Of one that does not exist or
// may not be seen only the name is said, and that it is Unknown.
type StackState struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Health    string `json:"health" enum:"Healthy,Progressing,Degraded,Missing,Suspended,Unknown"`
	Step      string `json:"step" enum:"InStep,Behind,Drifted,Blocked,Failing,Paused,Unknown"`
	Ready     bool   `json:"ready"`
}

// Input is what a render reads beside the files in its path.
type Input struct {
	Kind     string `json:"kind" enum:"Secret,ConfigMap,Source,Chart"`
	Name     string `json:"name" doc:"the object, the address of the chart, or the file in the other Source"`
	Key      string `json:"key,omitempty"`
	For      string `json:"for" enum:"values,variables,chart"`
	Optional bool   `json:"optional,omitempty"`
}

// ReleaseRow is one release in a list.
type ReleaseRow struct {
	ID       int64      `json:"id"`
	Revision string     `json:"revision"`
	Subject  string     `json:"subject,omitempty"`
	Author   string     `json:"author,omitempty"`
	Cause    string     `json:"cause"`
	Outcome  string     `json:"outcome" enum:"Progressing,Succeeded,Failed,Superseded"`
	Summary  string     `json:"summary"`
	Message  string     `json:"message,omitempty"`
	Digest   string     `json:"digest"`
	Times    int32      `json:"times" doc:"how often it was done, where drift was healed several times in a row"`
	Started  time.Time  `json:"started"`
	Finished *time.Time `json:"finished,omitempty"`
}

// OpenRequest is a pass that somebody asked for.
type OpenRequest struct {
	Value string `json:"value" doc:"of the annotation lockstep.dev/reconcile-at"`
}
