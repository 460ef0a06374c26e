package httpapi

import (
	"time"

	"github.com/lockstep-dev/lockstep/internal/server/board"
)

// SourceRow is one Source in a list.
type SourceRow struct {
	Namespace string       `json:"namespace"`
	Name      string       `json:"name"`
	State     string       `json:"state" enum:"Ready,Fetching,Failing,Paused" doc:"whether its newest commit is known"`
	Reason    string       `json:"reason"`
	Message   string       `json:"message"`
	Since     time.Time    `json:"since" doc:"when that became so"`
	URL       string       `json:"url" doc:"without credentials"`
	Ref       string       `json:"ref" doc:"what is followed: branch main, tag v1, semver >=1.2, ref refs/pull/7/head, commit 1a2b3c"`
	Revision  string       `json:"revision,omitempty" doc:"full hash of the newest commit"`
	Short     string       `json:"shortRevision,omitempty" example:"main@1a2b3c4"`
	Subject   string       `json:"subject,omitempty"`
	Author    string       `json:"author,omitempty"`
	Interval  int64        `json:"interval" doc:"seconds between two looks"`
	Webhook   bool         `json:"webhook" doc:"whether pushes are told"`
	Stacks    board.Counts `json:"stacks" doc:"Stacks that use it and the person may see"`
}

// SourceDetail is all that is known of one Source.
type SourceDetail struct {
	SourceRow
	Created    time.Time         `json:"created"`
	Labels     map[string]string `json:"labels"`
	Secret     string            `json:"secret,omitempty" doc:"name of the Secret with the credential"`
	Submodules bool              `json:"submodules"`
	LFS        bool              `json:"lfs"`
	HookPath   string            `json:"hookPath,omitempty" doc:"where the host sends its webhooks"`
	Conditions []Condition       `json:"conditions"`
	Request    *OpenRequest      `json:"request,omitempty" doc:"a fetch that was asked for and has not ended"`
	Handled    string            `json:"handled,omitempty" doc:"value of the request that the last fetch has carried out"`
}

// SourceList is every Source that the person may see, those that do not work first.
type SourceList struct {
	Items []SourceRow `json:"items"`
}

// TargetRow is one Target in a list. The cluster that holds the Stacks is one
// without namespace, "in-cluster".
type TargetRow struct {
	Namespace string       `json:"namespace" doc:"empty for in-cluster"`
	Name      string       `json:"name"`
	State     string       `json:"state" enum:"Reachable,Unreachable,Connecting,Paused"`
	Reason    string       `json:"reason"`
	Message   string       `json:"message"`
	Since     *time.Time   `json:"since,omitempty" doc:"when that became so"`
	Server    string       `json:"server,omitempty" doc:"address of the API"`
	Version   string       `json:"version,omitempty" doc:"of Kubernetes"`
	Latency   *float64     `json:"latency,omitempty" doc:"seconds that the API took for the last short question of this server"`
	Seen      *time.Time   `json:"seen,omitempty" doc:"when the API last answered this server"`
	Watches   int          `json:"watches" doc:"that this server has open on it"`
	Objects   int          `json:"objects" doc:"that this server watches on it"`
	Restarts  int64        `json:"watchRestarts"`
	Stacks    board.Counts `json:"stacks" doc:"Stacks on it that the person may see"`
}

// TargetDetail is all that is known of one Target.
type TargetDetail struct {
	TargetRow
	Created    *time.Time        `json:"created,omitempty"`
	Labels     map[string]string `json:"labels"`
	Way        string            `json:"way" enum:"inCluster,kubeconfig,token,exec" doc:"how the server gets there"`
	Namespaces []string          `json:"namespaces" doc:"what watches are limited to; empty for all"`
	Conditions []Condition       `json:"conditions"`
}

// TargetList is every Target that the person may see, those that do not answer first.
type TargetList struct {
	Items []TargetRow `json:"items"`
}

// Asked is the answer to a request that is carried out in a moment.
type Asked struct {
	// Request is what status.lastHandledReconcileAt becomes once it is done.
	Request string `json:"request" doc:"what the object's request becomes; it is done when the object has no open request, or another"`
	// Release is the newest before the pass that was asked for.
	Release int64 `json:"release,omitempty" doc:"number of the newest release before"`
}

// Why says why something is asked for.
type Why struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"for the record"`
}

// Version is which server answers.
type Version struct {
	Version string `json:"version"`
	Build   string `json:"build" doc:"differs between two builds; a client of another one should load itself again"`
	API     string `json:"api" enum:"v1"`
}
