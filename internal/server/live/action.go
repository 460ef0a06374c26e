package live

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/kin"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Action is something that a person may have done to an object, and what comes
// of it, said beforehand.
type Action struct {
	Name    string `json:"name" enum:"restart,scale,suspend,resume,trigger,rerun,delete-pod,promote,promote-full,abort,retry"`
	Title   string `json:"title" doc:"what a button says"`
	Effect  string `json:"effect" doc:"what it does"`
	Drift   string `json:"drift" doc:"what Lockstep will do about it afterwards"`
	Undone  bool   `json:"undone" doc:"Lockstep will undo it, because Git decides the field"`
	Guard   int    `json:"guard" enum:"0,1,2,3" doc:"how much it takes to say yes: 0 nothing, 1 a confirmation, 2 a confirmation that lists what goes, 3 a reason and a name typed"`
	Needs   string `json:"needs,omitempty" enum:"replicas" doc:"the one thing that has to be said"`
	Now     string `json:"now,omitempty" doc:"the value that needs has now"`
	Command string `json:"command" doc:"a command line that does the same"`
	Off     string `json:"off,omitempty" doc:"why it cannot be done now; absent where it can"`
}

// Wish is an action that somebody asks for.
type Wish struct {
	Object   lockstep.Key
	UID      string // of the object as it was seen; "" for whichever is there
	Action   string
	Replicas int
}

// ActionDone is what came of an action.
type ActionDone struct {
	Action  string `json:"action"`
	Object  string `json:"object" doc:"id of the object"`
	Message string `json:"message" doc:"what was done"`
	Drift   string `json:"drift" doc:"what Lockstep will do about it"`
	Created string `json:"created,omitempty" doc:"id of an object that was made"`
	Command string `json:"command" doc:"a command line that does the same"`
}

// subject is an object that actions are offered for.
type subject struct {
	stack    *v1alpha1.Stack
	resource Resource
	root     Resource
	tree     map[string]any
	// ours says whether Git decides a field of it.
	ours func(path string, pointer ...string) bool
}

// deed is an action with what carries it out.
type deed struct {
	Action
	touches func(w Wish, now time.Time) []kubernetes.Touch
}

func actionsOf(s subject) []Action {
	out := []Action{}
	for _, d := range deedsOf(s) {
		out = append(out, d.Action)
	}
	return out
}

// Act carries out w on behalf of whoever changes of u are made as.
func (l *Looker) Act(ctx context.Context, u lockstep.Unit, w Wish) (ActionDone, error) {
	s, r, t, err := l.one(ctx, u, w.Object)
	if err != nil {
		return ActionDone{}, err
	}
	if w.UID != "" && w.UID != r.UID {
		return ActionDone{}, fault.Conflict("%s is not the one that you saw any more", w.Object).WithHint("look again")
	}
	tree, err := t.Look(ctx, w.Object, r.Version)
	if err != nil {
		return ActionDone{}, settle(err)
	}
	if tree == nil || r.UID == "" || uidOf(tree) != r.UID {
		return ActionDone{}, fault.NotFound("%s is not there any more", w.Object)
	}
	sub := subject{stack: s.stack, resource: r, root: s.root(r), tree: tree, ours: s.owns(r)}
	d, err := deedOf(sub, w)
	if err != nil {
		return ActionDone{}, err
	}
	done := ActionDone{Action: d.Name, Object: r.ID, Message: d.Effect, Drift: d.Drift, Command: strings.ReplaceAll(d.Command, "N", strconv.Itoa(w.Replicas))}
	if d.Needs == "" {
		done.Command = d.Command
	}
	for _, touch := range d.touches(w, time.Now()) {
		touch.Version = r.Version
		made, err := t.Touch(ctx, stack.ActorOf(s.stack), touch)
		if err != nil {
			return ActionDone{}, settle(err)
		}
		if touch.Create != nil {
			done.Created = lockstep.Object{Tree: made}.Key().String()
		}
	}
	// Whoever acted wants to see what came of it.
	l.snapshots.forget(u.String())
	l.compared.forget(u.String())
	l.news.forget(u.String())
	return done, nil
}

const mostReplicas = 10000

func deedOf(s subject, w Wish) (deed, error) {
	var names []string
	for _, d := range deedsOf(s) {
		names = append(names, d.Name)
		if d.Name != w.Action {
			continue
		}
		if d.Off != "" {
			return d, fault.Blocked("%s", d.Off).At("%s", s.resource.ID)
		}
		if d.Needs == "replicas" && (w.Replicas < 0 || w.Replicas > mostReplicas) {
			return d, fault.Usage("replicas must be between 0 and %d", mostReplicas)
		}
		if d.Needs == "replicas" {
			d.Effect = fmt.Sprintf("scaled to %d", w.Replicas)
		}
		return d, nil
	}
	f := fault.Usage("%s has no action %q", s.resource.ID, w.Action)
	if len(names) > 0 {
		f = f.WithHint("it has: %s", strings.Join(names, ", "))
	}
	return deed{}, f
}

// deedsOf returns what can be done to an object. The kinds that are in nobody's
// list have none.
func deedsOf(s subject) []deed {
	if s.tree == nil || s.resource.UID == "" {
		return nil
	}
	var out []deed
	switch s.resource.key.GroupKind() {
	case lockstep.GroupKind{Group: "apps", Kind: "Deployment"}, lockstep.GroupKind{Group: "apps", Kind: "StatefulSet"}:
		out = []deed{s.restart("rollout restart"), s.scale()}
	case lockstep.GroupKind{Group: "apps", Kind: "DaemonSet"}:
		out = []deed{s.restart("rollout restart")}
	case kin.ReplicaSets:
		if s.resource.Managed {
			out = []deed{s.scale()}
		}
	case lockstep.GroupKind{Group: "batch", Kind: "CronJob"}:
		out = []deed{s.suspend(), s.trigger()}
	case kin.Jobs:
		out = []deed{s.rerun()}
	case kin.Pods:
		out = []deed{s.deletePod()}
	case lockstep.GroupKind{Group: "argoproj.io", Kind: "Rollout"}:
		out = append([]deed{s.restartRollout(), s.scale()}, s.progress()...)
	}
	return out
}

func (s subject) kubectl(format string, args ...any) string {
	line := "kubectl " + fmt.Sprintf(format, args...)
	if s.resource.Namespace != "" {
		line += " --namespace " + s.resource.Namespace
	}
	return line
}

func (s subject) name() string {
	if s.resource.Group == "" {
		return strings.ToLower(s.resource.Kind) + "/" + s.resource.Name
	}
	return strings.ToLower(s.resource.Kind) + "." + s.resource.Group + "/" + s.resource.Name
}

func (s subject) touch(patch map[string]any, subresource ...string) kubernetes.Touch {
	return kubernetes.Touch{Key: s.resource.key, UID: s.resource.UID, Patch: patch, Subresource: strings.Join(subresource, "/")}
}

// stays says what becomes of a field that Git does not decide.
const stays = "Lockstep leaves it: Git does not decide the field"

// fate says what Lockstep does about a change of a field.
func (s subject) fate(path string, pointer ...string) (words string, undone bool) {
	switch {
	case !s.resource.Managed || !s.ours(path, pointer...):
		return stays, false
	case Paused(s.stack):
		return "Lockstep leaves it while the stack is paused, and undoes it once that ends: Git decides " + path, false
	}
	if from, ignored := s.ignored(path); ignored {
		return "Lockstep leaves it: " + from + " ignores " + path, false
	}
	annotations, _ := at(s.tree, "metadata", "annotations").(map[string]any)
	mode := s.stack.Spec.Sync.Drift
	switch annotations[v1alpha1.AnnotationDrift] {
	case "report":
		mode = v1alpha1.DriftReport
	case "ignore":
		mode = v1alpha1.DriftIgnore
	}
	if annotations[v1alpha1.AnnotationReconcile] == "disabled" {
		return "Lockstep leaves it: the annotation " + v1alpha1.AnnotationReconcile + " takes the object out of its hands", false
	}
	switch {
	case mode == v1alpha1.DriftReport:
		return "Lockstep reports it as drift and leaves it until Git changes the object: Git decides " + path, false
	case mode == v1alpha1.DriftIgnore:
		return "Lockstep leaves it until Git changes the object: drift of it is ignored", false
	case s.stack.Spec.Sync.Mode == v1alpha1.SyncManual:
		return "Lockstep undoes it when somebody reconciles: Git decides " + path, false
	}
	return "Lockstep undoes it within seconds: Git decides " + path + ". To keep it, commit it, or pause the stack first", true
}

// ignored says whether a rule of the Stack ignores a field, and which.
func (s subject) ignored(path string) (from string, ignored bool) {
	var rules []diff.Rule
	for i, r := range s.stack.Spec.IgnoreDifferences {
		rules = append(rules, diff.Rule{
			Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, JSONPointers: r.JSONPointers, JQPaths: r.JQPaths,
			Managers: r.Managers, Source: fmt.Sprintf("spec.ignoreDifferences[%d]", i),
		})
	}
	compiled, err := diff.CompileIgnore(rules)
	if err != nil {
		return "", false
	}
	places := compiled.For(s.resource.key, s.tree)
	return places.Why(lockstep.FieldChange{Path: path, Manager: kubernetes.ActionManager})
}

func (s subject) restart(verb string) deed {
	d := deed{Action: Action{
		Name: "restart", Title: "Restart", Guard: 1, Drift: stays,
		Effect: "its pods are replaced, as many at a time as its strategy allows", Command: s.kubectl("%s %s", verb, s.name()),
	}}
	if paused, _ := at(s.tree, "spec", "paused").(bool); paused {
		d.Off = "it is paused: nothing is rolled out until spec.paused is false"
	}
	d.touches = func(_ Wish, now time.Time) []kubernetes.Touch {
		return []kubernetes.Touch{s.touch(tree("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt", now.UTC().Format(time.RFC3339)))}
	}
	return d
}

func (s subject) restartRollout() deed {
	d := s.restart("argo rollouts restart")
	d.Command = s.kubectl("argo rollouts restart %s", s.resource.Name)
	d.touches = func(_ Wish, now time.Time) []kubernetes.Touch {
		return []kubernetes.Touch{s.touch(tree("spec", "restartAt", now.UTC().Format(time.RFC3339)))}
	}
	return d
}

func (s subject) scale() deed {
	words, undone := s.fate("spec.replicas", "spec", "replicas")
	d := deed{Action: Action{
		Name: "scale", Title: "Scale…", Guard: 1, Needs: "replicas", Now: number(at(s.tree, "spec", "replicas")),
		Effect: "it runs as many pods as you say", Drift: words, Undone: undone,
		Command: s.kubectl("scale %s --replicas=N", s.name()),
	}}
	d.touches = func(w Wish, _ time.Time) []kubernetes.Touch {
		return []kubernetes.Touch{s.touch(tree("spec", "replicas", w.Replicas), "scale")}
	}
	return d
}

func number(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (s subject) suspend() deed {
	words, undone := s.fate("spec.suspend", "spec", "suspend")
	d := deed{Action: Action{
		Name: "suspend", Title: "Suspend", Guard: 1, Drift: words, Undone: undone,
		Effect: "it starts no more jobs; those that run go on", Command: s.kubectl(`patch %s --type=merge --patch '{"spec":{"suspend":true}}'`, s.name()),
	}}
	on := true
	if now, _ := at(s.tree, "spec", "suspend").(bool); now {
		on = false
		d.Name, d.Title, d.Effect = "resume", "Resume", "it starts jobs again when they are due"
		d.Command = s.kubectl(`patch %s --type=merge --patch '{"spec":{"suspend":false}}'`, s.name())
	}
	d.touches = func(Wish, time.Time) []kubernetes.Touch {
		return []kubernetes.Touch{s.touch(tree("spec", "suspend", on))}
	}
	return d
}

func (s subject) trigger() deed {
	d := deed{Action: Action{
		Name: "trigger", Title: "Run now", Guard: 1, Effect: "a job is made from its template and starts at once",
		Drift:   "Lockstep leaves it: the job is the CronJob's, not Git's",
		Command: s.kubectl("create job --from=%s %s-manual", s.name(), s.resource.Name),
	}}
	d.touches = func(_ Wish, now time.Time) []kubernetes.Touch {
		template, _ := lockstep.CloneTree(at(s.tree, "spec", "jobTemplate")).(map[string]any)
		return []kubernetes.Touch{s.job(template, "manual", now, map[string]any{"cronjob.kubernetes.io/instantiate": "manual"})}
	}
	return d
}

// job makes a Job from a template, owned by the object.
func (s subject) job(template map[string]any, suffix string, now time.Time, annotations map[string]any) kubernetes.Touch {
	meta, _ := template["metadata"].(map[string]any)
	for k, v := range asMap(meta["annotations"]) {
		annotations[k] = v
	}
	// A name of at most 63 bytes, so that its pods can carry it as a label.
	base := strings.TrimRight(s.resource.Name[:min(len(s.resource.Name), 40)], "-.")
	name := fmt.Sprintf("%s-%s-%s", base, suffix, strconv.FormatInt(now.UnixMilli()%(36*36*36*36*36), 36))
	owner := map[string]any{
		"apiVersion": s.tree["apiVersion"], "kind": s.resource.Kind, "name": s.resource.Name, "uid": s.resource.UID, "controller": true,
	}
	return kubernetes.Touch{
		Key: lockstep.Key{Group: "batch", Kind: "Job", Namespace: s.resource.Namespace, Name: name},
		Create: map[string]any{
			"apiVersion": "batch/v1", "kind": "Job", "spec": template["spec"],
			"metadata": map[string]any{
				"name": name, "namespace": s.resource.Namespace, "labels": asMap(meta["labels"]), "annotations": annotations,
				"ownerReferences": []any{owner},
			},
		},
	}
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	return m
}

// rerun has a Job run again that has ended. One that Git asks for is deleted, and
// Lockstep applies it anew; one that a CronJob made is made once more.
func (s subject) rerun() deed {
	d := deed{Action: Action{Name: "rerun", Title: "Run again", Guard: 1}}
	if !ended(s.tree) {
		d.Off = "it has not ended yet"
	}
	if s.resource.Managed {
		d.Guard = 2
		d.Effect = "the job and its pods are deleted, their logs with them"
		d.Drift = "Lockstep applies it again within seconds, because Git asks for it"
		d.Command = s.kubectl("delete %s", s.name())
		if d.Off == "" && !s.heals() {
			d.Off = "Lockstep would not apply it again: drift is not healed, or the stack is paused"
		}
		d.touches = func(Wish, time.Time) []kubernetes.Touch {
			return []kubernetes.Touch{{Key: s.resource.key, UID: s.resource.UID, Delete: true}}
		}
		return d
	}
	d.Effect = "a job with the same template is made and starts at once; this one stays, with its logs"
	d.Drift = "Lockstep leaves it: neither job is Git's"
	owner := s.controller()
	if d.Off == "" && owner == nil {
		d.Off = "nobody knows which CronJob made it"
	}
	d.Command = s.kubectl("create job --from=cronjob.batch/%s %s-rerun", s.root.Name, s.root.Name)
	d.touches = func(_ Wish, now time.Time) []kubernetes.Touch {
		parent := s
		parent.resource = s.root
		parent.tree = map[string]any{"apiVersion": owner["apiVersion"]}
		spec, _ := lockstep.CloneTree(s.tree["spec"]).(map[string]any)
		// What the controller added for this one run.
		delete(spec, "selector")
		delete(spec, "manualSelector")
		delete(spec, "suspend")
		for _, name := range []string{"controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"} {
			delete(asMap(at(spec, "template", "metadata", "labels")), name)
		}
		return []kubernetes.Touch{parent.job(map[string]any{"spec": spec, "metadata": map[string]any{}}, "rerun", now, map[string]any{"cronjob.kubernetes.io/instantiate": "manual"})}
	}
	return d
}

func (s subject) heals() bool {
	sync := s.stack.Spec.Sync
	annotations := asMap(at(s.tree, "metadata", "annotations"))
	return !Paused(s.stack) && sync.Mode != v1alpha1.SyncManual && (sync.Drift == "" || sync.Drift == v1alpha1.DriftHeal) &&
		annotations[v1alpha1.AnnotationDrift] == nil && annotations[v1alpha1.AnnotationReconcile] != "disabled"
}

func (s subject) controller() map[string]any {
	list, _ := at(s.tree, "metadata", "ownerReferences").([]any)
	for _, v := range list {
		if m := asMap(v); m["uid"] == s.root.UID {
			return m
		}
	}
	return nil
}

func ended(tree map[string]any) bool {
	list, _ := at(tree, "status", "conditions").([]any)
	for _, v := range list {
		c := asMap(v)
		if (c["type"] == "Complete" || c["type"] == "Failed") && c["status"] == "True" {
			return true
		}
	}
	return false
}

func (s subject) deletePod() deed {
	d := deed{Action: Action{
		Name: "delete-pod", Title: "Delete pod", Guard: 1, Effect: "the pod ends, and its controller makes another",
		Drift: "Lockstep leaves it: the pod is its controller's", Command: s.kubectl("delete %s", s.name()),
	}}
	if s.resource.Managed {
		d.Guard = 2
		d.Effect = "the pod ends, and with it what it keeps on its own disk"
		d.Drift = "Lockstep applies it again within seconds, because Git asks for it"
		if !s.heals() {
			d.Drift = "Lockstep does not apply it again by itself: drift is not healed, or the stack is paused"
			d.Guard = 3
		}
	}
	d.touches = func(Wish, time.Time) []kubernetes.Touch {
		return []kubernetes.Touch{{Key: s.resource.key, UID: s.resource.UID, Delete: true}}
	}
	return d
}

// progress is what can be said to a Rollout of Argo Rollouts that is under way.
func (s subject) progress() []deed {
	rollout := func(name, title, effect, verb string, status map[string]any, spec map[string]any) deed {
		d := deed{Action: Action{Name: name, Title: title, Effect: effect, Guard: 1, Drift: stays, Command: s.kubectl("argo rollouts %s %s", verb, s.resource.Name)}}
		d.touches = func(Wish, time.Time) []kubernetes.Touch {
			var out []kubernetes.Touch
			if spec != nil {
				out = append(out, s.touch(map[string]any{"spec": spec}))
			}
			return append(out, s.touch(map[string]any{"status": status}, "status"))
		}
		return d
	}
	promote := rollout("promote", "Promote", "it goes on to its next step", "promote", map[string]any{"pauseConditions": nil}, map[string]any{"paused": false})
	full := rollout("promote-full", "Promote fully", "it goes to its last step at once, without analysis or pauses", "promote --full", map[string]any{"promoteFull": true}, nil)
	abort := rollout("abort", "Abort", "traffic goes back to the version before", "abort", map[string]any{"abort": true}, nil)
	retry := rollout("retry", "Retry", "it starts over with the version that was aborted", "retry rollout", map[string]any{"abort": false}, nil)
	aborted, _ := at(s.tree, "status", "abort").(bool)
	waits := at(s.tree, "status", "pauseConditions") != nil || at(s.tree, "spec", "paused") == true
	if !waits {
		promote.Off = "it is not paused"
	}
	if !aborted {
		retry.Off = "it was not aborted"
	} else {
		abort.Off = "it is aborted already"
	}
	return []deed{promote, full, abort, retry}
}

// tree nests a value: tree("a", "b", v) is {a: {b: v}}.
func tree(pathAndValue ...any) map[string]any {
	name := pathAndValue[0].(string)
	if len(pathAndValue) == 2 {
		return map[string]any{name: pathAndValue[1]}
	}
	return map[string]any{name: tree(pathAndValue[1:]...)}
}

func at(v any, names ...string) any {
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	return v
}
