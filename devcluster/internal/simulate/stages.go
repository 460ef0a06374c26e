package simulate

import (
	"embed"
	"fmt"

	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/config"
)

//go:embed stages/*.yaml
var ours embed.FS

// What a pod asks for by annotation; the stages name them too.
const (
	// failAnnotation keeps a pod from becoming ready: CrashLoopBackOff,
	// ImagePullBackOff or Error.
	failAnnotation = "devcluster/fail"
	// readyAfterAnnotation is how long a pod takes to become ready, such as 5s.
	readyAfterAnnotation = "devcluster/ready-after"
	// completeAfterAnnotation is how long a pod of a Job runs.
	completeAfterAnnotation = "devcluster/complete-after"
)

// healthy is true of pods that nobody asked to fail. Of two stages that fit, kwok
// takes one at random, so the stages of failure exclude what this one includes.
const healthy = `(.metadata.annotations["` + failAnnotation + `"] // "") == "" and ([.spec.containers[].image | select(endswith(":broken"))] | length) == 0`

// stages are those of kwok, adjusted, and ours, by the kind they act on.
func stages() (map[internalversion.StageResourceRef][]*internalversion.Stage, error) {
	texts := []string{
		fast.DefaultNodeInit, heartbeat.DefaultNodeHeartbeatWithLease,
		podfast.DefaultPodReady, podfast.DefaultPodComplete, podfast.DefaultPodDelete,
	}
	files, err := ours.ReadDir("stages")
	if err != nil {
		return nil, fmt.Errorf("list the stages: %w", err)
	}
	for _, file := range files {
		text, err := ours.ReadFile("stages/" + file.Name())
		if err != nil {
			return nil, fmt.Errorf("read stage %s: %w", file.Name(), err)
		}
		texts = append(texts, string(text))
	}

	byKind := map[internalversion.StageResourceRef][]*internalversion.Stage{}
	for _, text := range texts {
		stage, err := config.UnmarshalWithType[*internalversion.Stage](text)
		if err != nil {
			return nil, fmt.Errorf("parse a stage: %w", err)
		}
		adjust(stage)
		ref := stage.Spec.ResourceRef
		byKind[ref] = append(byKind[ref], stage)
	}
	return byKind, nil
}

// adjust makes kwok's stages for pods obey our annotations.
func adjust(stage *internalversion.Stage) {
	annotation, found := map[string]string{
		"pod-ready":    readyAfterAnnotation,
		"pod-complete": completeAfterAnnotation,
	}[stage.Name]
	if !found {
		return
	}
	stage.Spec.Delay = delayFrom(annotation)
	stage.Spec.Selector.MatchExpressions = append(stage.Spec.Selector.MatchExpressions, internalversion.MatchExpression{
		JQ: &internalversion.SelectorJQ{Key: healthy, Operator: internalversion.SelectorOpIn, Values: []string{"true"}},
	})
}

func delayFrom(annotation string) *internalversion.StageDelay {
	none := int64(0)
	return &internalversion.StageDelay{
		DurationMilliseconds: &none,
		DurationFrom: &internalversion.ExpressionFrom{
			JQ: &internalversion.ExpressionJQ{Expression: `.metadata.annotations["` + annotation + `"]`},
		},
	}
}
