package health

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// parse reads a YAML object with whole numbers as int64, as drivers do.
func parse(t testing.TB, s string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(s, "\t", "  ")), &m); err != nil {
		t.Fatalf("%v in\n%s", err, s)
	}
	return whole(m).(map[string]any)
}

func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = whole(e)
		}
	case []any:
		for i, e := range v {
			v[i] = whole(e)
		}
	case float64:
		if v == math.Trunc(v) {
			return int64(v)
		}
	}
	return v
}

type sample struct {
	why    string
	object string
	want   string // "Status" or "Status: message"
	// kstatus is why our verdict is not kstatus's; "" when it is.
	kstatus string
}

const apps = "apiVersion: apps/v1\n"

var samples = map[string]sample{
	"DeploymentHealthy": {why: "All replicas serve.", object: apps + `
kind: Deployment
metadata: {generation: 2}
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3, conditions: [{type: Available, status: "True"}, {type: Progressing, status: "True", reason: NewReplicaSetAvailable}]}`, want: "Healthy"},
	"DeploymentNotObserved": {why: "Right after an apply the status speaks of the spec before.", object: apps + `
kind: Deployment
metadata: {generation: 3}
spec: {replicas: 1}
status: {observedGeneration: 2, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}`, want: "Progressing: its controller has not seen the newest change yet"},
	"DeploymentUpdating": {why: "The number that is missing is what people want to know.", object: apps + `
kind: Deployment
spec: {replicas: 3, progressDeadlineSeconds: 600}
status: {replicas: 3, updatedReplicas: 2, readyReplicas: 3, availableReplicas: 3}`, want: "Progressing: 2 of 3 replicas are updated"},
	"DeploymentUnavailable": {why: "One replica reads as one.", object: apps + `
kind: Deployment
spec: {}
status: {replicas: 1, updatedReplicas: 1}`, want: "Progressing: 0 of 1 replica is available"},
	"DeploymentSurplus": {why: "Old pods still run.", object: apps + `
kind: Deployment
spec: {replicas: 1}
status: {replicas: 2, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2}`, want: "Progressing: 1 replica too many is being removed"},
	"DeploymentQuota": {why: "Why pods cannot be created stands in another condition.", object: apps + `
kind: Deployment
spec: {replicas: 2}
status: {replicas: 0, conditions: [{type: ReplicaFailure, status: "True", message: 'exceeded quota: pods'}]}`, want: "Progressing: 0 of 2 replicas are created: exceeded quota: pods"},
	"DeploymentDeadline": {why: "It will not get there by itself.", object: apps + `
kind: Deployment
spec: {replicas: 2, progressDeadlineSeconds: 60}
status: {replicas: 3, updatedReplicas: 1, availableReplicas: 2, conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded}]}`, want: "Degraded: did not progress for 60 s; 2 of 2 replicas are available"},
	"DeploymentPaused": {why: "Somebody paused it; nothing is wrong and nothing moves.", object: apps + `
kind: Deployment
spec: {replicas: 2, paused: true}
status: {replicas: 2, updatedReplicas: 1, availableReplicas: 2, readyReplicas: 2}`, want: "Suspended: is paused; 1 of 2 replicas are updated", kstatus: "kstatus has no Suspended"},
	"DeploymentNew": {why: "Nothing is known yet.", object: apps + "kind: Deployment\nspec: {replicas: 2}", want: "Progressing: 0 of 2 replicas are created"},

	"StatefulSetHealthy": {why: "All at one revision.", object: apps + `
kind: StatefulSet
spec: {replicas: 2}
status: {replicas: 2, readyReplicas: 2, currentReplicas: 2, updatedReplicas: 2, currentRevision: a, updateRevision: a}`, want: "Healthy"},
	"StatefulSetRolling": {why: "Revisions differ while it rolls.", object: apps + `
kind: StatefulSet
spec: {replicas: 2}
status: {replicas: 2, readyReplicas: 2, currentReplicas: 2, updatedReplicas: 1, currentRevision: a, updateRevision: b}`, want: "Progressing: 1 of 2 replicas are updated"},
	"StatefulSetPartition": {why: "Below the partition nothing is meant to move.", object: apps + `
kind: StatefulSet
spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 2}}}
status: {replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 1, currentRevision: a, updateRevision: b}`, want: "Healthy"},
	"StatefulSetPartitionRolling": {why: "Above it must.", object: apps + `
kind: StatefulSet
spec: {replicas: 3, updateStrategy: {rollingUpdate: {partition: 1}}}
status: {replicas: 3, readyReplicas: 3, updatedReplicas: 1}`, want: "Progressing: 1 of 2 replicas are updated, above the partition"},
	"StatefulSetOnDelete": {why: "A person decides when pods are replaced.", object: apps + `
kind: StatefulSet
spec: {replicas: 3, updateStrategy: {type: OnDelete}}`, want: "Healthy"},

	"DaemonSetHealthy": {why: "One on each node.", object: apps + `
kind: DaemonSet
metadata: {generation: 1}
status: {observedGeneration: 1, desiredNumberScheduled: 2, currentNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2, numberReady: 2}`, want: "Healthy"},
	"DaemonSetNew": {why: "No status means that nobody looked.", object: apps + "kind: DaemonSet\nmetadata: {generation: 1}", want: "Progressing: its controller has not seen it yet"},
	"DaemonSetUpdating": {why: "Nodes one after the other.", object: apps + `
kind: DaemonSet
metadata: {generation: 1}
status: {observedGeneration: 1, desiredNumberScheduled: 3, currentNumberScheduled: 3, updatedNumberScheduled: 1, numberAvailable: 3, numberReady: 3}`, want: "Progressing: 1 of 3 pods are updated"},
	"DaemonSetOnDelete": {why: "Pods are replaced when somebody deletes them.", object: apps + `
kind: DaemonSet
metadata: {generation: 1}
spec: {updateStrategy: {type: OnDelete}}
status: {observedGeneration: 1, desiredNumberScheduled: 3, currentNumberScheduled: 3, updatedNumberScheduled: 1, numberAvailable: 3, numberReady: 3}`, want: "Healthy", kstatus: "kstatus would wait for ever for pods that only a person replaces"},

	"ReplicaSetHealthy": {why: "All there.", object: apps + `
kind: ReplicaSet
spec: {replicas: 1}
status: {replicas: 1, fullyLabeledReplicas: 1, availableReplicas: 1, readyReplicas: 1}`, want: "Healthy"},
	"ReplicaSetFailure": {why: "A quota keeps pods away.", object: apps + `
kind: ReplicaSet
spec: {replicas: 2}
status: {replicas: 1, fullyLabeledReplicas: 1, conditions: [{type: ReplicaFailure, status: "True", message: exceeded quota}]}`, want: "Progressing: 1 of 2 replicas are created: exceeded quota"},

	"PodRunning": {why: "Ready.", object: `
kind: Pod
apiVersion: v1
status: {phase: Running, conditions: [{type: Ready, status: "True"}]}`, want: "Healthy"},
	"PodNotReady": {why: "Running is not ready.", object: `
kind: Pod
apiVersion: v1
status: {phase: Running, conditions: [{type: Ready, status: "False", message: 'containers with unready status: [web]'}]}`, want: "Progressing: is running but not ready: containers with unready status: [web]"},
	"PodSucceeded": {why: "Done.", object: "kind: Pod\napiVersion: v1\nstatus: {phase: Succeeded}", want: "Healthy"},
	"PodFailed": {why: "A pod that failed failed.", object: `
kind: Pod
apiVersion: v1
status: {phase: Failed, containerStatuses: [{name: web, state: {terminated: {exitCode: 2}}}]}`, want: `Degraded: failed: container "web" ended with exit code 2`, kstatus: "kstatus calls a failed pod Current because nothing more will happen"},
	"PodEvicted": {why: "The kubelet's words.", object: `
kind: Pod
apiVersion: v1
status: {phase: Failed, reason: Evicted, message: The node was low on memory.}`, want: "Degraded: was evicted: The node was low on memory.", kstatus: "kstatus calls a failed pod Current because nothing more will happen"},
	"PodCrashLoop": {why: "The exit code is the first thing asked for.", object: `
kind: Pod
apiVersion: v1
status: {phase: Running, containerStatuses: [{name: web, restartCount: 7, state: {waiting: {reason: CrashLoopBackOff, message: back-off 5m0s}}, lastState: {terminated: {exitCode: 1}}}]}`, want: `Degraded: container "web" keeps crashing with exit code 1`},
	"PodOutOfMemory": {why: "137 says less than the reason.", object: `
kind: Pod
apiVersion: v1
status: {phase: Running, containerStatuses: [{name: web, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}}]}`, want: `Degraded: container "web" keeps crashing: out of memory (OOMKilled)`},
	"PodImage": {why: "A wrong tag does not mend itself.", object: `
kind: Pod
apiVersion: v1
status: {phase: Pending, containerStatuses: [{name: web, image: 'w:nope', state: {waiting: {reason: ImagePullBackOff}}}]}`, want: `Degraded: container "web": image "w:nope" cannot be pulled`, kstatus: "kstatus calls every pending pod InProgress"},
	"PodConfig": {why: "A missing ConfigMap is named by the kubelet.", object: `
kind: Pod
apiVersion: v1
status: {phase: Pending, initContainerStatuses: [{name: init, state: {waiting: {reason: CreateContainerConfigError, message: 'configmap "x" not found'}}}]}`, want: `Degraded: init container "init": CreateContainerConfigError: configmap "x" not found`, kstatus: "kstatus calls every pending pod InProgress"},
	"PodUnschedulable": {why: "The scheduler says what is missing.", object: `
kind: Pod
apiVersion: v1
metadata: {creationTimestamp: "2020-01-01T00:00:00Z"}
status: {phase: Pending, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: '0/3 nodes are available: 3 Insufficient cpu.'}]}`, want: "Degraded: no node can take it: 0/3 nodes are available: 3 Insufficient cpu."},
	"PodNew": {why: "Nobody looked yet.", object: "kind: Pod\napiVersion: v1", want: "Progressing: is starting"},

	"JobComplete": {why: "Done.", object: `
kind: Job
apiVersion: batch/v1
status: {startTime: x, succeeded: 1, conditions: [{type: Complete, status: "True"}]}`, want: "Healthy"},
	"JobFailed": {why: "The controller's reason.", object: `
kind: Job
apiVersion: batch/v1
status: {failed: 3, conditions: [{type: Failed, status: "True", reason: BackoffLimitExceeded, message: Job has reached the specified backoff limit}]}`, want: "Degraded: failed: Job has reached the specified backoff limit"},
	"JobRunning": {why: "What depends on a migration must not start before it ended.", object: `
kind: Job
apiVersion: batch/v1
spec: {completions: 2}
status: {startTime: x, succeeded: 1, active: 1}`, want: "Progressing: 1 of 2 completed", kstatus: "kstatus calls a running Job Current, which would wake dependants too early"},
	"JobNew":       {why: "Not started.", object: "kind: Job\napiVersion: batch/v1", want: "Progressing: has not started yet"},
	"JobSuspended": {why: "On purpose.", object: "kind: Job\napiVersion: batch/v1\nspec: {suspend: true}", want: "Suspended: is suspended", kstatus: "kstatus has no Suspended"},
	"CronJob":      {why: "Waiting for its hour is its work.", object: "kind: CronJob\napiVersion: batch/v1\nspec: {suspend: false}", want: "Healthy"},
	"CronJobOff":   {why: "On purpose.", object: "kind: CronJob\napiVersion: batch/v1\nspec: {suspend: true}", want: "Suspended: is suspended", kstatus: "kstatus has no Suspended"},

	"ClaimBound":   {why: "Has its volume.", object: "kind: PersistentVolumeClaim\napiVersion: v1\nstatus: {phase: Bound}", want: "Healthy"},
	"ClaimPending": {why: "May wait for its first pod.", object: "kind: PersistentVolumeClaim\napiVersion: v1\nstatus: {phase: Pending}", want: "Progressing: waits for a volume"},
	"ClaimLost": {why: "Its data is out of reach.", object: "kind: PersistentVolumeClaim\napiVersion: v1\nspec: {volumeName: v}\nstatus: {phase: Lost}", want: `Degraded: its volume "v" is lost`,
		kstatus: "kstatus calls every claim that is not bound InProgress"},
	"VolumeFree": {why: "Available is fine.", object: "kind: PersistentVolume\napiVersion: v1\nstatus: {phase: Available}", want: "Healthy"},
	"VolumeFailed": {why: "Reclaiming failed.", object: "kind: PersistentVolume\napiVersion: v1\nstatus: {phase: Failed, message: no plugin}", want: "Degraded: no plugin",
		kstatus: "kstatus does not know the kind"},
	"Service": {why: "A cluster address is enough.", object: "kind: Service\napiVersion: v1\nspec: {type: ClusterIP}", want: "Healthy"},
	"LoadBalancerWaits": {why: "Nobody can reach it yet.", object: "kind: Service\napiVersion: v1\nspec: {type: LoadBalancer, clusterIP: 10.0.0.1}", want: "Progressing: waits for an address from the load balancer",
		kstatus: "kstatus is content with a cluster address, which nobody outside can use"},
	"LoadBalancer": {why: "It has an address.", object: "kind: Service\napiVersion: v1\nspec: {type: LoadBalancer, clusterIP: 10.0.0.1}\nstatus: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}", want: "Healthy"},
	"Ingress": {why: "Many controllers never report an address, so waiting for one could last for ever.",
		object: "kind: Ingress\napiVersion: networking.k8s.io/v1\nstatus: {loadBalancer: {}}", want: "Healthy"},
	"Namespace":     {why: "Active.", object: "kind: Namespace\napiVersion: v1\nstatus: {phase: Active}", want: "Healthy"},
	"NamespaceGoes": {why: "Deleting takes a while.", object: "kind: Namespace\napiVersion: v1\nmetadata: {deletionTimestamp: x}\nstatus: {phase: Terminating}", want: "Terminating: is being deleted"},
	"Finalizers": {why: "Who holds a deletion up is what people look for.",
		object: "kind: Thing\napiVersion: a/v1\nmetadata: {deletionTimestamp: x, finalizers: [a/b, c/d]}", want: "Terminating: is being deleted, waits for a/b, c/d"},
	"Budget": {why: "Forbidding a disruption is its work.", object: `
kind: PodDisruptionBudget
apiVersion: policy/v1
status: {disruptionsAllowed: 0, conditions: [{type: DisruptionAllowed, status: "False", reason: InsufficientPods}]}`, want: "Healthy"},
	"Autoscaler": {why: "A bound is no fault.", object: `
kind: HorizontalPodAutoscaler
apiVersion: autoscaling/v2
status: {conditions: [{type: AbleToScale, status: "True"}, {type: ScalingActive, status: "True"}, {type: ScalingLimited, status: "True"}]}`, want: "Healthy"},
	"AutoscalerBlind": {why: "Without metrics it does nothing.", object: `
kind: HorizontalPodAutoscaler
apiVersion: autoscaling/v2
status: {conditions: [{type: ScalingActive, status: "False", reason: FailedGetResourceMetric, message: no metrics}]}`, want: "Degraded: no metrics", kstatus: "kstatus does not know the kind"},
	"DefinitionNew": {why: "Not served yet.", object: "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1", want: "Progressing: is not established yet"},
	"Definition": {why: "Served.", object: `
kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
status: {conditions: [{type: NamesAccepted, status: "True"}, {type: Established, status: "True"}]}`, want: "Healthy"},
	"DefinitionClash": {why: "Two definitions want one name.", object: `
kind: CustomResourceDefinition
apiVersion: apiextensions.k8s.io/v1
status: {conditions: [{type: NamesAccepted, status: "False", message: '"widgets" is taken'}]}`, want: `Degraded: "widgets" is taken`},
	"APIService": {why: "Aggregated and reachable.", object: `
kind: APIService
apiVersion: apiregistration.k8s.io/v1
status: {conditions: [{type: Available, status: "True"}]}`, want: "Healthy"},
	"APIServiceDown": {why: "Its server may still be starting.", object: `
kind: APIService
apiVersion: apiregistration.k8s.io/v1
status: {conditions: [{type: Available, status: "False", message: no endpoints}]}`, want: "Progressing: no endpoints", kstatus: "kstatus does not know the kind"},

	"CustomReady":    {why: "The usual contract.", object: "kind: W\napiVersion: a/v1\nstatus: {conditions: [{type: Ready, status: 'True'}]}", want: "Healthy"},
	"CustomNotReady": {why: "The controller's words.", object: "kind: W\napiVersion: a/v1\nstatus: {conditions: [{type: Ready, status: 'False', reason: Waiting, message: waits for DNS}]}", want: "Progressing: waits for DNS"},
	"CustomUnknown":  {why: "Unknown is on its way.", object: "kind: W\napiVersion: a/v1\nstatus: {conditions: [{type: Ready, status: Unknown, reason: Checking}]}", want: "Progressing: Checking"},
	"CustomFailed": {why: "A reason that ends in Failed is final for every controller we know.", object: "kind: W\napiVersion: a/v1\nstatus: {conditions: [{type: Ready, status: 'False', reason: BuildFailed, message: no such chart}]}", want: "Degraded: no such chart",
		kstatus: "kstatus never fails on Ready, so a failed HelmRelease would be on its way for ever"},
	"CustomStalled":     {why: "kstatus's own condition.", object: "kind: W\napiVersion: a/v1\nstatus: {conditions: [{type: Stalled, status: 'True', message: gave up}]}", want: "Degraded: gave up"},
	"CustomReconciling": {why: "kstatus's own condition.", object: "kind: W\napiVersion: a/v1\nstatus: {conditions: [{type: Reconciling, status: 'True', message: at it}, {type: Ready, status: 'True'}]}", want: "Progressing: at it"},
	"CustomPlain":       {why: "No condition, no notion of health.", object: "kind: W\napiVersion: a/v1\nspec: {}", want: "Healthy"},
	"ConfigMap":         {why: "Data has no health.", object: "kind: ConfigMap\napiVersion: v1", want: "Healthy"},
}

func TestOf(t *testing.T) {
	for name, tc := range samples {
		t.Run(name, func(t *testing.T) {
			h := Of(parse(t, tc.object))
			got := h.Status.String()
			if h.Message != "" {
				got += ": " + h.Message
			}
			if got != tc.want {
				t.Errorf("%s\nOf = %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

// TestFloats: a tree that went through encoding/json has other numbers.
func TestFloats(t *testing.T) {
	for name, tc := range samples {
		object := parse(t, tc.object)
		b, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		var floats map[string]any
		if err := json.Unmarshal(b, &floats); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Of(object), Of(floats)); diff != "" {
			t.Errorf("%s: float64 changes the verdict:\n%s", name, diff)
		}
	}
}

func TestAggregate(t *testing.T) {
	part := func(kind, name string, s lockstep.HealthStatus, m string) Part {
		return Part{lockstep.Key{Kind: kind, Namespace: "web", Name: name}, lockstep.Health{Status: s, Message: m}}
	}
	cases := map[string]struct {
		why  string
		in   []Part
		want lockstep.Health
	}{
		"Nothing":  {"No object, nothing wrong.", nil, lockstep.Health{}},
		"Healthy":  {"A message of a healthy object is no news.", []Part{part("A", "a", lockstep.Healthy, "x")}, lockstep.Health{}},
		"WorstOne": {"The worst is what needs a person.", []Part{part("A", "a", lockstep.Progressing, "x"), part("B", "b", lockstep.Degraded, "y")}, lockstep.Health{Status: lockstep.Degraded, Message: "B/web/b: y"}},
		"WorstOfMany": {"Order of parts does not show.", []Part{part("B", "z", lockstep.Degraded, "3"), part("B", "b", lockstep.Degraded, "2"), part("A", "q", lockstep.Degraded, "1"), part("A", "a", lockstep.Missing, "")},
			lockstep.Health{Status: lockstep.Degraded, Message: "A/web/q: 1; and 2 more"}},
		"NoMessage": {"Missing says it all.", []Part{part("A", "a", lockstep.Missing, "")}, lockstep.Health{Status: lockstep.Missing, Message: "A/web/a"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Aggregate(tc.in)); diff != "" {
				t.Errorf("%s\nAggregate (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// FuzzHealth: a status is written by whoever may write it.
func FuzzHealth(f *testing.F) {
	for _, tc := range samples {
		b, _ := yaml.YAMLToJSON([]byte(tc.object))
		f.Add(b)
	}
	f.Add([]byte(`{"kind":"Pod","apiVersion":"v1","metadata":[],"status":{"phase":1,"conditions":[1,{"type":[]}],"containerStatuses":{"a":1}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var m map[string]any
		if json.Unmarshal(in, &m) != nil {
			return
		}
		h := Of(m)
		if len(h.Message) > maxMessage+len("…") || strings.ContainsAny(h.Message, "\n\r") {
			t.Errorf("a message of %d bytes: %q", len(h.Message), h.Message)
		}
		if h != Of(m) {
			t.Errorf("two verdicts on one object")
		}
	})
}

func BenchmarkOf(b *testing.B) {
	object := parse(b, samples["DeploymentHealthy"].object)
	b.ReportAllocs()
	for b.Loop() {
		Of(object)
	}
}
