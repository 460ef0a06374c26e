package engine

import (
	"context"
	"encoding/json"

	"github.com/itchyny/gojq"
	"github.com/rogpeppe/go-internal/testscript"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func init() { commands["fight"] = fight }

// fight REF PATCH JQ: somebody makes the same edit again and again until JQ is
// true of Stack app.
func fight(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 3, "fight ref merge-patch jq")
	s := of(ts)
	r, name, err := s.named(args[0])
	ts.Check(err)
	q, err := gojq.Parse(args[2])
	ts.Check(err)
	until(ts, "fight "+args[0], func() (bool, string) {
		_, err := r.Patch(context.Background(), name, types.MergePatchType, []byte(args[1]), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		ts.Check(err)
		u, err := s.get("Stack/app")
		ts.Check(err)
		var plain any
		raw, _ := json.Marshal(u.Object)
		_ = json.Unmarshal(raw, &plain)
		v, _ := q.Run(plain).Next()
		return v == true, show(u)
	})
}
