package board

import "time"

// StackRow is one Stack in a list: what a person reads at a glance. It is the wire
// form, too, so that a page is written as it lies in memory.
type StackRow struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Health    string `json:"health" enum:"Healthy,Progressing,Degraded,Missing,Suspended,Unknown" doc:"whether it works"`
	Step      string `json:"step" enum:"InStep,Behind,Drifted,Blocked,Failing,Paused" doc:"whether it is what Git says"`
	Attention string `json:"attention" enum:"NeedsYou,Moving,Paused,InStep" doc:"who has to do something"`
	Reason    string `json:"reason" doc:"that of the Stack's condition Ready, in CamelCase"`
	Message   string `json:"message,omitempty" doc:"the same in a sentence, cut at 160 characters"`
	Flow      Flow   `json:"flow"`
	Source    string `json:"source" doc:"namespace/name" example:"platform/monorepo"`
	Path      string `json:"path"`
	Target    string `json:"target" doc:"namespace/name, or in-cluster" example:"in-cluster"`
	Driver    string `json:"driver,omitempty" doc:"directory, kustomize, helm or terraform; absent before the first render"`
	Env       string `json:"env,omitempty" doc:"the environment, by the Stack's label env, environment or lockstep.dev/env"`
	Owner     string `json:"owner,omitempty" doc:"whose it is, by the Stack's label owner, team or lockstep.dev/owner"`
	Revision  string `json:"revision,omitempty" doc:"full hash of the newest commit that changed it"`
	Subject   string `json:"subject,omitempty" doc:"first line of the message of the commit that was released last"`
	Author    string `json:"author,omitempty" doc:"of that commit, without the mail address"`
	Release   int64  `json:"release,omitempty" doc:"number of the newest release"`
	Objects   int32  `json:"objects" doc:"how many objects Git asks for"`
	Drifted   int32  `json:"drifted,omitempty" doc:"how many fields drifted"`
	// Changed is when something about it was last different, for sorting by news.
	Changed time.Time `json:"changed" doc:"when something about it was last different"`
	Version uint64    `json:"version" doc:"grows with every change of any Stack, on this server"`
}

// Flow is what Lockstep does about a Stack just now.
type Flow struct {
	Verb  string     `json:"verb" enum:"starting,applying,rollingOut,waiting,holding,reverting,reporting,retrying,stopped,paused,deleting,checking"`
	What  string     `json:"what,omitempty" doc:"what it does that with, or waits for: a field, a Stack, a gate, an error; cut at 160 characters"`
	Since *time.Time `json:"since,omitempty" doc:"when that began"`
	Until *time.Time `json:"until,omitempty" doc:"when it ends or comes next; absent where nobody can say"`
	Every int32      `json:"every,omitempty" doc:"seconds between two looks where nothing happens"`
}

// Counts is how many Stacks there are of each class.
type Counts struct {
	Total    int `json:"total"`
	NeedsYou int `json:"needsYou"`
	Moving   int `json:"moving"`
	Paused   int `json:"paused"`
	InStep   int `json:"inStep"`
}

// Facet is one value of a field and how many Stacks have it.
type Facet struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Facets are the values of the fields that people narrow a list by, the most frequent
// first, at most 50 of each.
type Facets struct {
	Health    []Facet `json:"health"`
	Step      []Facet `json:"step"`
	Namespace []Facet `json:"namespace"`
	Source    []Facet `json:"source"`
	Target    []Facet `json:"target"`
	Driver    []Facet `json:"driver"`
	Env       []Facet `json:"env"`
	Owner     []Facet `json:"owner"`
}
