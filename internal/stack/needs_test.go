package stack

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestNeedsOf(t *testing.T) {
	cases := map[string]struct {
		why       string
		dependsOn []string
		inputs    []v1alpha1.Input
		want      []Need
	}{
		"None":  {why: "Most Stacks wait for nobody.", want: []Need{}},
		"Order": {why: "Without outputs it is the order alone.", dependsOn: []string{"db"}, want: []Need{{Unit: lockstep.Unit{Namespace: "shop", Name: "db"}}}},
		"Outputs": {
			why: "Outputs come sorted and once, whatever they are called here.", inputs: []v1alpha1.Input{{From: "infra/net", Output: "vpc"}, {From: "infra/net", Output: "cidr"}, {From: "infra/net", Output: "vpc", As: "id"}},
			want: []Need{{lockstep.Unit{Namespace: "infra", Name: "net"}, []string{"cidr", "vpc"}}},
		},
		"Both": {
			why: "Named twice, in two ways of writing, it is one Stack.", dependsOn: []string{"net", "shop/net"}, inputs: []v1alpha1.Input{{From: "shop/net", Output: "vpc"}},
			want: []Need{{lockstep.Unit{Namespace: "shop", Name: "net"}, []string{"vpc"}}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &v1alpha1.Stack{}
			s.Namespace, s.Name, s.Spec.Inputs = "shop", "web", tc.inputs
			for _, d := range tc.dependsOn {
				s.Spec.DependsOn = append(s.Spec.DependsOn, v1alpha1.Dependency{Name: d})
			}
			if diff := cmp.Diff(tc.want, NeedsOf(s)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}
