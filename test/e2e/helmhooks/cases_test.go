package helmhooks

import (
	"fmt"
	"strings"
)

// example is one row of the matrix.
type example struct {
	why string
	// chart is the template of the first step, next that of the ones after it; ""
	// leaves it as it is.
	chart, next string
	verbs       []string
	// differs holds the differences that are meant, by verb.
	differs map[string]difference
}

type difference struct{ helm, ours, because string }

// object is a ConfigMap that is kept live.
func object(name, value string, annotations ...string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x-%s\n%sdata: {key: %q}\n", name, annotated(annotations), value)
}

func annotated(list []string) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("  annotations:\n")
	for _, a := range list {
		k, v, _ := strings.Cut(a, "=")
		if !strings.Contains(k, "/") {
			k = map[string]string{"hook": "helm.sh/hook", "weight": "helm.sh/hook-weight", "delete": "helm.sh/hook-delete-policy"}[k]
		}
		fmt.Fprintf(&b, "    %s: %q\n", k, v)
	}
	return b.String()
}

// job is a Job that ends well, bad one that does not.
func job(name string, annotations ...string) string { return jobOf(name, "", annotations) }
func bad(name string, annotations ...string) string { return jobOf(name, "Error", annotations) }

func jobOf(name, fail string, annotations []string) string {
	return fmt.Sprintf("---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: x-%s\n%sspec:\n  backoffLimit: 0\n  template:\n    metadata: {annotations: {devcluster/fail: %q}}\n    spec: {restartPolicy: Never, containers: [{name: c, image: example.com/c}]}\n",
		name, annotated(annotations), fail)
}

// pod is a bare Pod that runs to its end. The simulated kubelet ends only pods
// that a Job owns, so it ends by failing.
func badPod(name string, annotations ...string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: x-%s\n%sspec: {restartPolicy: Never, containers: [{name: c, image: example.com/c}]}\n",
		name, annotated(append(annotations, "devcluster/fail=Error")))
}

func account(name string, annotations ...string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: x-%s\n%s", name, annotated(annotations))
}

func secretOf(name string, annotations ...string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: x-%s\n%sstringData: {a: b}\n", name, annotated(annotations))
}

var (
	one      = object("main", "one")
	two      = object("main", "two")
	whole    = []string{"install", "upgrade", "uninstall"}
	twice    = []string{"install", "upgrade"}
	once     = []string{"install"}
	leftover = "objects of hooks go with the Stack, so that nothing is leaked"
)

var cases = map[string]example{
	"no-hooks":       {why: "The control.", chart: one, next: two, verbs: whole},
	"install":        {why: "Hooks of an install do not run in an upgrade.", chart: one + job("pre", "hook=pre-install") + job("post", "hook=post-install"), next: two + job("pre", "hook=pre-install") + job("post", "hook=post-install"), verbs: twice},
	"upgrade":        {why: "Hooks of an upgrade do not run in an install.", chart: one + job("pre", "hook=pre-upgrade") + job("post", "hook=post-upgrade"), next: two + job("pre", "hook=pre-upgrade") + job("post", "hook=post-upgrade"), verbs: twice},
	"both":           {why: "Without a policy the object of the run before goes first.", chart: one + job("m", "hook=pre-install,pre-upgrade"), next: two + job("m", "hook=pre-install,pre-upgrade"), verbs: twice},
	"two-moments":    {why: "One object may run twice in one release.", chart: one + job("m", "hook=pre-install,post-install"), verbs: once},
	"weights":        {why: "By weight, one after the other.", chart: one + job("a", "hook=pre-install", "weight=5") + job("b", "hook=pre-install", "weight=-5") + job("c", "hook=pre-install"), verbs: once},
	"names":          {why: "Equal weights go by name, whatever their kind.", chart: one + job("b", "hook=pre-install") + object("c", "v", "hook=pre-install") + account("z", "hook=pre-install") + job("a", "hook=pre-install"), verbs: once},
	"bad-weight":     {why: "What is no number is 0.", chart: one + job("a", "hook=pre-install", "weight=soon") + job("b", "hook=pre-install", "weight=-1"), verbs: once},
	"kinds":          {why: "Any kind may be a hook; it is done when it is there.", chart: one + account("sa", "hook=pre-install", "weight=-3") + object("cm", "v", "hook=pre-install", "weight=-2") + secretOf("se", "hook=pre-install", "weight=-1") + job("j", "hook=pre-install"), verbs: once},
	"succeeded":      {why: "What succeeded goes when all of the moment did, the last first.", chart: one + job("a", "hook=pre-install", "delete=hook-succeeded") + job("b", "hook=pre-install", "delete=hook-succeeded") + job("c", "hook=pre-install"), verbs: once},
	"failed-policy":  {why: "A policy for failures does nothing to what succeeds.", chart: one + job("a", "hook=post-install", "delete=hook-failed"), verbs: once},
	"both-policies":  {why: "With both policies it comes and goes in each release.", chart: one + job("a", "hook=pre-install,pre-upgrade", "delete=before-hook-creation,hook-succeeded"), next: two + job("a", "hook=pre-install,pre-upgrade", "delete=before-hook-creation,hook-succeeded"), verbs: twice},
	"unknown-policy": {why: "Helm passes over a policy that it does not know, and so over the default.", chart: one + job("a", "hook=pre-install", "delete=soon"), verbs: once},
	"in-the-way": {why: "Without before-hook-creation Helm applies to the object of the run before.", chart: one + job("a", "hook=pre-install,pre-upgrade", "delete=hook-failed"), next: two + job("a", "hook=pre-install,pre-upgrade", "delete=hook-failed"), verbs: twice,
		differs: map[string]difference{"upgrade": {"done", "-Job/a +Job/a done", "a hook that is not run although the release says so is worse than one that runs"}}},
	"pre-install-fails":  {why: "Nothing is applied.", chart: one + bad("pre", "hook=pre-install") + job("post", "hook=post-install"), verbs: once},
	"failed-goes":        {why: "What failed goes by its policy.", chart: one + bad("pre", "hook=pre-install", "delete=hook-failed"), verbs: once},
	"failed-after":       {why: "When one fails, those before it go by the policy for success, and those after it do not run.", chart: one + job("a", "hook=pre-install", "weight=1", "delete=hook-succeeded") + bad("b", "hook=pre-install", "weight=2") + job("c", "hook=pre-install", "weight=3"), verbs: once},
	"post-install-fails": {why: "The objects stay.", chart: one + bad("post", "hook=post-install"), verbs: once},
	"pre-upgrade-fails":  {why: "What was live stays as it was.", chart: one, next: two + bad("pre", "hook=pre-upgrade"), verbs: twice},
	"post-upgrade-fails": {why: "What was applied stays applied.", chart: one, next: two + object("new", "v") + bad("post", "hook=post-upgrade"), verbs: twice},
	"delete": {why: "Hooks before and after the deletion.", chart: one + job("pre", "hook=pre-delete") + job("post", "hook=post-delete"), verbs: []string{"install", "uninstall"},
		differs: map[string]difference{"uninstall": {"+Job/pre -ConfigMap/main +Job/post done", "+Job/pre -Job/pre -ConfigMap/main +Job/post -Job/post done", leftover}}},
	"delete-policies":  {why: "With policies nothing is left on either side.", chart: one + job("pre", "hook=pre-delete", "delete=hook-succeeded") + job("post", "hook=post-delete", "delete=hook-succeeded"), verbs: []string{"install", "uninstall"}},
	"pre-delete-fails": {why: "While it fails, nothing is deleted.", chart: one + bad("pre", "hook=pre-delete"), verbs: []string{"install", "uninstall"}},
	"leftovers": {why: "What an install's hooks left.", chart: one + job("pre", "hook=pre-install"), verbs: []string{"install", "uninstall"},
		differs: map[string]difference{"uninstall": {"-ConfigMap/main done", "-Job/pre -ConfigMap/main done", leftover}}},
	"rollback":       {why: "Hooks of the release that is gone back to.", chart: one + job("pre", "hook=pre-rollback") + job("post", "hook=post-rollback") + job("up", "hook=pre-upgrade"), next: two + job("other", "hook=pre-rollback"), verbs: []string{"install", "upgrade", "rollback"}},
	"rollback-fails": {why: "A hook that fails stops the way back as well.", chart: one + bad("pre", "hook=pre-rollback"), next: two, verbs: []string{"install", "upgrade", "rollback"}},
	"test":           {why: "Tests run on demand alone, as often as is asked.", chart: one + job("t", "hook=test"), verbs: []string{"install", "test", "test"}},
	"test-success":   {why: "The name that Helm 2 had for them.", chart: one + job("t", "hook=test-success"), verbs: []string{"install", "test"}},
	"test-fails":     {why: "The first that fails ends them.", chart: one + job("a", "hook=test", "weight=1", "delete=hook-succeeded") + bad("b", "hook=test", "weight=2") + job("c", "hook=test", "weight=3"), verbs: []string{"install", "test"}},
	"pod":            {why: "A bare Pod is done when it ends, not when it is ready.", chart: one + badPod("p", "hook=test"), verbs: []string{"install", "test"}},
	"keep":           {why: "resource-policy keep outlives the chart and the release.", chart: one + object("kept", "v", "helm.sh/resource-policy=keep") + object("goes", "v"), next: one, verbs: whole},
	"unknown":        {why: "An object for a hook that Helm does not know is never applied.", chart: one + job("a", "hook=crd-install"), verbs: once},
	"same-name":      {why: "Two hooks may have one name; the second makes the first go.", chart: one + job("m", "hook=pre-install", "weight=1") + job("m", "hook=pre-install", "weight=2"), verbs: once},
	"pruned":         {why: "What leaves the chart goes before the hooks after the upgrade.", chart: one + object("old", "v"), next: two + job("post", "hook=post-upgrade"), verbs: twice},
	"upgrade-again":  {why: "After a release that failed, the next is an upgrade where there was one before.", chart: one + job("m", "hook=pre-upgrade"), next: two + bad("m", "hook=pre-upgrade"), verbs: twice},
	"hook-only":      {why: "A chart of hooks alone is a release, too.", chart: job("m", "hook=pre-install"), verbs: once},
}
