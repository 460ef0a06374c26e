package drift_test

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const (
	merge     = types.MergePatchType
	strategic = types.StrategicMergePatchType
	jsonPatch = types.JSONPatchType
)

// The objects of Git.
const (
	settings = `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, labels: {app: web}, annotations: {owner: team-a}}, data: {a: "1", b: "2"}}`
	mirrored = `{apiVersion: v1, kind: ConfigMap, metadata: {name: mirrored, labels: {mutate: "yes"}}, data: {image: web}}`
	stripped = `{apiVersion: v1, kind: ConfigMap, metadata: {name: stripped, labels: {strip: "yes"}}, data: {forbidden: x, allowed: z}}`
	token    = `{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {password: hunter2}}`
	service  = `{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}}`
	account  = `{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}`
	quota    = `{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota}, spec: {hard: {cpu: 1000m, memory: 1024Mi, pods: "10"}}}`
	claim    = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}}`
	nightly  = `{apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: x, image: x:1}]}}}}}}`
	budget   = `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web}, spec: {minAvailable: 50%, selector: {matchLabels: {app: web}}}}`
	role     = `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader}, rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]}`
	firewall = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny}, spec: {podSelector: {}, policyTypes: [Ingress]}}`
	ingress  = `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}`
	scaler   = `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {minReplicas: 1, maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]}}`

	pod       = `{metadata: {labels: {app: web}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: web, image: "web:1", ports: [{containerPort: 8080}], env: [{name: LEVEL, value: info}, {name: MODE, value: fast}], resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: "0.5"}}}]}}`
	web       = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: ` + pod + `}}`
	scaled    = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: ` + pod + `}}`
	sidecar   = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {sidecar: "yes"}}, spec: {replicas: 1, selector: {matchLabels: {app: web}}, template: ` + pod + `}}`
	hollow    = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, annotations: {}}, spec: {replicas: 1, strategy: {}, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}, creationTimestamp: null}, spec: {volumes: [], securityContext: {}, containers: [{name: web, image: "web:1", resources: {}, env: []}]}}}}`
	database  = `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 1, serviceName: db, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "db:1"}]}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}`
	agent     = `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: agent}, spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: agent, image: "agent:1"}]}}}}`
	widget    = `{apiVersion: drift.example/v1, kind: Widget, metadata: {name: w}, spec: {replicas: 1, size: 1Gi, memory: 1000m, port: 80, timeout: 60s, set: [b, a], atomic: [b, a], parts: [{name: one, count: 1}, {name: two, count: 2}], options: {x: "1"}, nested: {deep: {value: v}}, whole: {k: v}, free: {any: {thing: 1}}}}`
	widgetNil = `{apiVersion: drift.example/v1, kind: Widget, metadata: {name: w}, spec: {note: null, options: {}, set: [], parts: [], nested: {deep: {}}, size: x}}`
)

func (x *scene) edit(manager, body string) { x.Helper(); x.patch(manager, merge, body) }

func edits(manager, body string) func(*scene) { return func(x *scene) { x.edit(manager, body) } }

func sends(manager string, kind types.PatchType, body string, sub ...string) func(*scene) {
	return func(x *scene) { x.patch(manager, kind, body, sub...) }
}

// applies is a server-side apply by somebody else.
func applies(manager, text string) func(*scene) {
	return func(x *scene) {
		u := &unstructured.Unstructured{Object: parse(x.T, text)}
		_, err := x.me().Apply(x.Context(), x.git.Name(), u, metav1.ApplyOptions{FieldManager: manager, Force: true})
		x.check(err)
	}
}

func scales(manager string, n int) func(*scene) {
	return func(x *scene) { x.patch(manager, merge, fmt.Sprintf(`{"spec":{"replicas":%d}}`, n), "scale") }
}

func deletes(x *scene) {
	x.check(x.me().Delete(x.Context(), x.git.Name(), metav1.DeleteOptions{PropagationPolicy: ptr(metav1.DeletePropagationBackground)}))
	x.eventually("it to go", 10*time.Second, func() bool { return x.get() == nil })
}

func ptr[T any](v T) *T { return &v }

func recreates(text string) func(*scene) {
	return func(x *scene) {
		deletes(x)
		u := &unstructured.Unstructured{Object: parse(x.T, text)}
		u.SetNamespace(x.ns)
		_, err := x.me().Create(x.Context(), u, metav1.CreateOptions{FieldManager: "kubectl-create"})
		x.check(err)
	}
}

func both(all ...func(*scene)) func(*scene) {
	return func(x *scene) {
		for _, f := range all {
			f(x)
		}
	}
}

// managers lets many managers write a field each, until the API keeps the
// oldest together under one name.
func managers(x *scene) {
	for i := range 13 {
		x.edit(fmt.Sprintf("tool-%02d", i), fmt.Sprintf(`{"data":{"theirs-%d":"x"}}`, i))
	}
}

// untilChanged waits for a controller.
func untilChanged(field string, path ...string) func(*scene) {
	return func(x *scene) {
		x.eventually("a controller to set "+field, 60*time.Second, func() bool {
			v, found, _ := unstructured.NestedFieldNoCopy(x.get(), path...)
			return found && fmt.Sprint(v) == field
		})
	}
}

// autoscaled makes a real autoscaler that wants three.
func autoscaled(x *scene) {
	x.world.create(x.T, `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {minReplicas: 3, maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}`, x.ns)
	untilChanged("3", "spec", "replicas")(x)
	x.check(x.world.on(x.T, parse(x.T, scaler), x.ns).Delete(x.Context(), "web", metav1.DeleteOptions{}))
}

const takesOver = "exists already and was never applied by us: takes it over"

var rows = map[string]row{
	// What the API and its controllers do by themselves.
	"DefaultsDeployment":  {git: web, who: "the API", how: "fills in defaults; rewrites `1000m`, `0.5`, `1024Mi`"},
	"DefaultsService":     {git: service, who: "the API", how: "fills in clusterIP, type, protocol"},
	"DefaultsCronJob":     {git: nightly, who: "the API", how: "fills in defaults"},
	"DefaultsStatefulSet": {git: database, who: "the API", how: "fills in defaults of volumeClaimTemplates"},
	"DefaultsIngress":     {git: ingress, who: "the API", how: "fills in defaults"},
	"DefaultsHPA":         {git: scaler, who: "the API and the autoscaler", how: "fill in defaults and status"},
	"DefaultsDaemonSet":   {git: agent, who: "its controller", how: "annotates and fills in status"},
	"Quota":               {git: quota, who: "its controller", how: "writes `1000m` as `1`, keeps status"},
	"Claim":               {git: claim, who: "the API", how: "adds a finalizer, volumeMode, storageClass"},
	"IntOrPercent":        {git: budget, who: "its controller", how: "fills in status beside `50%`"},
	"SecretStringData":    {git: token, who: "the API", how: "moves stringData to data"},
	"ServiceAccountBare":  {git: account, who: "nobody", how: "nothing"},
	"RoleBare":            {git: role, who: "nobody", how: "nothing; lists without keys"},
	"EmptySelector":       {git: firewall, who: "the API", how: "keeps `podSelector: {}`"},
	"NullsAndEmpties":     {git: hollow, who: "the API", how: "drops null and empty maps and lists, fills in `strategy: {}`"},
	"WidgetAll":           {git: widget, who: "the API", how: "fills in defaults of list items; set, atomic and keyed lists, int-or-string, free fields"},
	"WidgetHollow":        {git: widgetNil, who: "the API", how: "keeps or drops null and empty fields"},
	"PolicyRewrites":      {git: mirrored, who: "a MutatingAdmissionPolicy", how: "rewrites our field and adds another", live: has("mirror/web", "data", "image")},
	"PolicyStrips":        {git: stripped, who: "a MutatingAdmissionPolicy", how: "removes our field"},
	"PolicySidecar":       {git: sidecar, who: "a MutatingAdmissionPolicy", how: "adds a container to the pod template"},
	"PolicyAndEdit": {git: mirrored, who: "kubectl edit", how: "changes a field that a policy rewrites", does: edits("kubectl-edit", `{"data":{"image":"other"}}`),
		drift: []string{`data.image: "mirror/other" → "mirror/web" (kubectl-edit, Update)`}, up: "what the policy makes of Git is known only from our apply's answer"},
	"PolicyAndEditElsewhere": {git: mirrored, who: "kubectl edit", how: "changes a field that the policy added", does: edits("kubectl-edit", `{"data":{"injected":"mine"}}`)},

	// What others add.
	"LabelAdded":       {git: settings, who: "kubectl label", how: "adds a label", does: edits("kubectl-label", `{"metadata":{"labels":{"tier":"x"}}}`)},
	"AnnotationAdded":  {git: settings, who: "kubectl annotate", how: "adds an annotation", does: edits("kubectl-annotate", `{"metadata":{"annotations":{"note":"x"}}}`)},
	"KeyAdded":         {git: settings, who: "kubectl edit", how: "adds a key that Git does not have", does: edits("kubectl-edit", `{"data":{"c":"3"}}`), live: has("3", "data", "c")},
	"FinalizerAdded":   {git: account, who: "a controller", how: "adds a finalizer", does: both(edits("ctl", `{"metadata":{"finalizers":["drift.example/x"]}}`))},
	"OwnerAdded":       {git: widget, who: "a controller", how: "adds an owner reference", does: edits("ctl", `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Namespace","name":"default","uid":"1"}]}}`), slow: true},
	"StatusWritten":    {git: widget, who: "a controller", how: "writes status", does: sends("ctl", merge, `{"status":{"phase":"Ready"}}`, "status")},
	"RolloutRestart":   {git: web, who: "kubectl rollout restart", how: "annotates the pod template", does: sends("kubectl-rollout", strategic, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}}`)},
	"SidecarInjected":  {git: web, who: "a controller", how: "adds a container", does: sends("mesh", strategic, `{"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"proxy:1"}]}}}}`)},
	"EnvAdded":         {git: web, who: "kubectl set env", how: "adds a variable", does: sends("kubectl-set", strategic, `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"EXTRA","value":"1"}]}]}}}}`)},
	"PartAdded":        {git: widget, who: "kubectl apply --server-side", how: "adds an item to a keyed list", does: applies("kubectl", `{apiVersion: drift.example/v1, kind: Widget, metadata: {name: w}, spec: {parts: [{name: three}]}}`)},
	"SetAdded":         {git: widget, who: "kubectl apply --server-side", how: "adds a member to a set", does: applies("kubectl", `{apiVersion: drift.example/v1, kind: Widget, metadata: {name: w}, spec: {set: [c]}}`)},
	"SetReordered":     {git: widget, who: "kubectl edit", how: "reorders a set", does: edits("kubectl-edit", `{"spec":{"set":["a","b"]}}`)},
	"PartsReordered":   {git: widget, who: "kubectl edit", how: "reorders a keyed list", does: edits("kubectl-edit", `{"spec":{"parts":[{"name":"two","count":2,"mode":"fast"},{"name":"one","count":1,"mode":"fast"}]}}`)},
	"ItemDefaultEdit":  {git: widget, who: "kubectl edit", how: "changes a default inside our list item", does: sends("kubectl-edit", jsonPatch, `[{"op":"replace","path":"/spec/parts/0/mode","value":"slow"}]`)},
	"DefaultEdited":    {git: widget, who: "kubectl edit", how: "changes a field that only has a default", does: edits("kubectl-edit", `{"spec":{"color":"red"}}`), live: has("red", "spec", "color")},
	"ScaledNotInGit":   {git: scaled, who: "kubectl scale", how: "sets replicas, which Git leaves out", does: scales("kubectl", 4), live: has(int64(4), "spec", "replicas")},
	"AutoscalerNoGit":  {git: scaled, who: "a HorizontalPodAutoscaler", how: "sets replicas, which Git leaves out", does: autoscaled, slow: true, live: has(int64(3), "spec", "replicas")},
	"SameValueApplied": {git: settings, who: "kubectl apply --server-side", how: "applies the same values", does: applies("kubectl", `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: "1", b: "2"}}`)},
	"SameValueEdited":  {git: settings, who: "kubectl edit", how: "writes the same values", does: edits("kubectl-edit", `{"data":{"a":"1"}}`)},
	"ManyManagers":     {git: settings, who: "thirteen tools", how: "write fields of their own; the API merges the oldest entries", does: managers},
	"OtherVersion": {git: widget, who: "a client of v2", how: "writes a field that Git does not have, in another API version", does: both(func(x *scene) {
		v2 := parse(x.T, `{apiVersion: drift.example/v2, kind: Widget, metadata: {name: w}, spec: {note: hello}}`)
		_, err := x.world.on(x.T, v2, x.ns).Apply(x.Context(), "w", &unstructured.Unstructured{Object: v2}, metav1.ApplyOptions{FieldManager: "v2-client"})
		x.check(err)
	})},
	"EditAndRevert": {git: settings, who: "kubectl edit", how: "changes a field and puts it back", does: both(edits("kubectl-edit", `{"data":{"a":"9"}}`), edits("kubectl-edit", `{"data":{"a":"1"}}`)), restored: true},
	"QuantitySpelt": {git: quota, who: "kubectl edit", how: "writes the same quantity in other words", does: edits("kubectl-edit", `{"spec":{"hard":{"cpu":"1","memory":"1Gi"}}}`)},
	"LimitsSpelt":   {git: web, who: "kubectl set resources", how: "writes the same limits in other words", does: sends("kubectl-set", strategic, `{"spec":{"template":{"spec":{"containers":[{"name":"web","resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]}}}}`)},
	"SecretSame":    {git: token, who: "kubectl edit", how: "writes the same secret value", does: edits("kubectl-edit", `{"data":{"password":"aHVudGVyMg=="}}`)},

	// What others change.
	"KeyChanged": {git: settings, who: "kubectl edit", how: "changes a key", does: edits("kubectl-edit", `{"data":{"a":"9"}}`),
		drift: []string{`data.a: "9" → "1" (kubectl-edit, Update)`}, live: has("1", "data", "a")},
	"KeyRemoved": {git: settings, who: "kubectl edit", how: "removes a key", does: edits("kubectl-edit", `{"data":{"a":null}}`),
		drift: []string{`data.a: nothing → "1"`}, live: has("1", "data", "a")},
	"KeyApplied": {git: settings, who: "kubectl apply --server-side --force-conflicts", how: "changes a key", does: applies("kubectl", `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: "9"}}`),
		drift: []string{`data.a: "9" → "1" (kubectl, Apply)`}, live: has("1", "data", "a")},
	"ClientSideApply": {git: settings, who: "kubectl apply", how: "changes a key, client side", does: sends("kubectl-client-side-apply", strategic, `{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"}},"data":{"b":"9"}}`),
		drift: []string{`data.b: "9" → "2" (kubectl-client-side-apply, Update)`}, live: has("2", "data", "b")},
	"LabelChanged": {git: settings, who: "kubectl label --overwrite", how: "changes our label", does: edits("kubectl-label", `{"metadata":{"labels":{"app":"x"}}}`),
		drift: []string{`metadata.labels.app: "x" → "web" (kubectl-label, Update)`}},
	"AnnotationRemoved": {git: settings, who: "kubectl annotate", how: "removes our annotation", does: edits("kubectl-annotate", `{"metadata":{"annotations":{"owner":null}}}`),
		drift: []string{`metadata.annotations.owner: nothing → "team-a"`}},
	"Scaled": {git: web, who: "kubectl scale", how: "sets replicas", does: scales("kubectl", 4),
		drift: []string{"spec.replicas: 4 → 1 (kubectl, Update scale)"}, live: has(int64(1), "spec", "replicas")},
	"Autoscaled": {git: web, who: "a HorizontalPodAutoscaler", how: "sets replicas, which Git has too", does: autoscaled, slow: true,
		drift: []string{"spec.replicas: 3 → 1 (kube-controller-manager, Update scale)"}, live: has(int64(1), "spec", "replicas")},
	"ImageSet": {git: web, who: "kubectl set image", how: "changes the image", does: sends("kubectl-set", strategic, `{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}`),
		drift: []string{`spec.template.spec.containers[name=web].image: "web:2" → "web:1" (kubectl-set, Update)`}},
	"EnvChanged": {git: web, who: "kubectl set env", how: "changes a variable", does: sends("kubectl-set", strategic, `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"LEVEL","value":"debug"}]}]}}}}`),
		drift: []string{`spec.template.spec.containers[name=web].env[name=LEVEL].value: "debug" → "info" (kubectl-set, Update)`}},
	"EnvRemoved": {git: web, who: "kubectl set env", how: "removes a variable", does: sends("kubectl-set", strategic, `{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"MODE","$patch":"delete"}]}]}}}}`),
		drift: []string{`spec.template.spec.containers[name=web].env[name=MODE]: nothing → {"name":"MODE","value":"fast"}`}},
	"LimitChanged": {git: web, who: "kubectl set resources", how: "raises a limit", does: sends("kubectl-set", strategic, `{"spec":{"template":{"spec":{"containers":[{"name":"web","resources":{"limits":{"memory":"2Gi"}}}]}}}}`),
		drift: []string{`spec.template.spec.containers[name=web].resources.limits.memory: "2Gi" → "1Gi" (kubectl-set, Update)`}, up: "after a restart ours is printed as Git spells it"},
	"SecretChanged": {git: token, who: "kubectl edit", how: "changes a secret value", does: edits("kubectl-edit", `{"data":{"password":"b3RoZXI="}}`),
		drift: []string{"data.password: ••• 07af → ••• b197 (kubectl-edit, Update)"}, live: has("aHVudGVyMg==", "data", "password")},
	"PortChanged": {git: service, who: "kubectl edit", how: "changes a port's target", does: sends("kubectl-edit", strategic, `{"spec":{"ports":[{"port":80,"targetPort":9090}]}}`),
		drift: []string{"spec.ports[port=80,protocol=TCP].targetPort: 9090 → 8080 (kubectl-edit, Update)"}},
	"SelectorChanged": {git: service, who: "kubectl set selector", how: "changes the selector", does: edits("kubectl-set", `{"spec":{"selector":{"app":"other"}}}`),
		drift: []string{`spec.selector: {"app":"other"} → {"app":"web"} (kubectl-set, Update)`}},
	"RulesChanged": {git: role, who: "kubectl edit", how: "adds a verb to a list that is one value", does: sends("kubectl-edit", jsonPatch, `[{"op":"add","path":"/rules/0/verbs/-","value":"watch"}]`),
		drift: []string{`rules: [{"apiGroups":[""],"resources":["pods"],"verbs":["get","list","watch"]}] → [{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]}] (kubectl-edit, Update)`}},
	"ScheduleSuspended": {git: nightly, who: "kubectl patch", how: "changes the schedule", does: edits("kubectl-patch", `{"spec":{"schedule":"0 4 * * *"}}`),
		drift: []string{`spec.schedule: "0 4 * * *" → "0 3 * * *" (kubectl-patch, Update)`}},
	"QuotaRaised": {git: quota, who: "kubectl edit", how: "raises a quota", does: edits("kubectl-edit", `{"spec":{"hard":{"pods":"20"}}}`),
		drift: []string{`spec.hard.pods: "20" → "10" (kubectl-edit, Update)`}},
	"IntOrString": {git: widget, who: "kubectl edit", how: "writes a number as text", does: edits("kubectl-edit", `{"spec":{"port":"80"}}`),
		drift: []string{`spec.port: "80" → 80 (kubectl-edit, Update)`}},
	"DurationSpelt": {git: widget, who: "kubectl edit", how: "writes a custom resource's duration in other words, which is another text there", does: edits("kubectl-edit", `{"spec":{"timeout":"1m"}}`),
		drift: []string{`spec.timeout: "1m" → "60s" (kubectl-edit, Update)`}},
	"AtomicReordered": {git: widget, who: "kubectl edit", how: "reorders a list whose order counts", does: edits("kubectl-edit", `{"spec":{"atomic":["a","b"]}}`),
		drift: []string{`spec.atomic: ["a","b"] → ["b","a"] (kubectl-edit, Update)`}},
	"AtomicMap": {git: widget, who: "kubectl edit", how: "adds a key to a map that is one value", does: edits("kubectl-edit", `{"spec":{"whole":{"other":"x"}}}`),
		drift: []string{`spec.whole: {"k":"v","other":"x"} → {"k":"v"} (kubectl-edit, Update)`}},
	"SetShrunk": {git: widget, who: "kubectl edit", how: "removes a member of a set", does: edits("kubectl-edit", `{"spec":{"set":["b"]}}`),
		drift: []string{`spec.set["a"]: nothing → "a"`}},
	"PartChanged": {git: widget, who: "kubectl edit", how: "changes one field of a list item", does: sends("kubectl-edit", jsonPatch, `[{"op":"replace","path":"/spec/parts/1/count","value":9}]`),
		drift: []string{"spec.parts[name=two].count: 9 → 2 (kubectl-edit, Update)"}},
	"PartRemoved": {git: widget, who: "kubectl edit", how: "removes a list item", does: sends("kubectl-edit", jsonPatch, `[{"op":"remove","path":"/spec/parts/1"}]`),
		drift: []string{`spec.parts[name=two]: nothing → {"count":2,"name":"two"}`}, up: "after a restart the item is printed as Git has it, which is the same", live: nil},
	"DeepRemoved": {git: widget, who: "kubectl edit", how: "removes a whole branch", does: edits("kubectl-edit", `{"spec":{"nested":null}}`),
		drift: []string{`spec.nested.deep.value: nothing → "v"`}},
	"WidgetScaled": {git: widget, who: "kubectl scale", how: "scales a custom resource", does: scales("kubectl", 5),
		drift: []string{"spec.replicas: 5 → 1 (kubectl, Update scale)"}},
	"VersionTwo": {git: widget, who: "a client of v2", how: "changes our field in another API version", does: func(x *scene) {
		v2 := parse(x.T, `{apiVersion: drift.example/v2, kind: Widget, metadata: {name: w}, spec: {size: 2Gi}}`)
		_, err := x.world.on(x.T, v2, x.ns).Apply(x.Context(), "w", &unstructured.Unstructured{Object: v2}, metav1.ApplyOptions{FieldManager: "v2-client", Force: true})
		x.check(err)
	}, drift: []string{`spec.size: "2Gi" → "1Gi" (v2-client, Apply)`}},
	"ManagersMerged": {git: settings, who: "the first of thirteen tools", how: "changes a key; the API merges its entry away", does: both(edits("first", `{"data":{"a":"9"}}`), managers),
		drift: []string{`data.a: "9" → "1" (ancient-changes, Update)`}},
	"TwoPeople": {git: settings, who: "two managers", how: "change a key each", does: both(edits("kubectl-edit", `{"data":{"a":"9"}}`), edits("helm", `{"data":{"b":"9"}}`)),
		drift: []string{`data.a: "9" → "1" (kubectl-edit, Update)`, `data.b: "9" → "2" (helm, Update)`}},

	// What others do to the whole object.
	"Deleted":         {git: settings, who: "kubectl delete", how: "deletes it", does: deletes, drift: []string{"the object is gone"}, live: has("1", "data", "a")},
	"DeletedWorkload": {git: web, who: "kubectl delete", how: "deletes it", does: deletes, drift: []string{"the object is gone"}},
	"Recreated":       {git: settings, who: "kubectl delete and create", how: "make it anew, otherwise", does: recreates(`{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: "9"}}`), drift: []string{"the object is gone"}, live: has("1", "data", "a")},
	"LabelTorn": {git: settings, who: "kubectl label", how: "takes the mark off", does: edits("kubectl-label", `{"metadata":{"labels":{"lockstep.dev/stack":null}}}`),
		drift: []string{"the object is gone"}},
	"ManagersDeleted": {git: settings, who: "a client", how: "deletes managedFields", does: sends("x", merge, `{"metadata":{"managedFields":[{}]}}`), drift: []string{takesOver}, live: has("1", "data", "a")},
	"ManagersDeletedEdit": {git: settings, who: "a client", how: "deletes managedFields and changes a key", does: both(edits("x", `{"data":{"a":"9"}}`), sends("x", merge, `{"metadata":{"managedFields":[{}]}}`)),
		drift: []string{takesOver}, live: has("1", "data", "a")},
}
