package gateway

import (
	"context"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Target reads one Target.
func (c *Client) Target(ctx context.Context, u lockstep.Unit) (*v1alpha1.Target, error) {
	d, err := Read[wire.TargetDetail](c)(c.c.GetTarget(ctx, u.Namespace, u.Name))
	if err != nil {
		return nil, err
	}
	return targetOf(&wire.TargetRow{
		Namespace: d.Namespace, Name: d.Name, State: d.State, Reason: d.Reason, Message: d.Message, Since: d.Since, Server: d.Server, Version: d.Version,
	}), nil
}

// Drift returns all that others changed in what Git decides of one Stack, and how many
// fields more there are.
func (c *Client) Drift(ctx context.Context, u lockstep.Unit) (out []v1alpha1.DriftRecord, left int32, err error) {
	d, err := Read[wire.DriftList](c)(c.c.GetDrift(ctx, u.Namespace, u.Name))
	if err != nil {
		return nil, 0, err
	}
	for _, r := range d.Items {
		out = append(out, driftRecordOf(r))
	}
	return out, int32(d.Left), nil
}

// Drifted calls each with what the status of each drifted Stack of a namespace says, ""
// for all.
func (c *Client) Drifted(ctx context.Context, namespace string, each func(u lockstep.Unit, records []v1alpha1.DriftRecord, more int32)) error {
	in := &wire.ListDriftParams{Limit: new(int64(pageSize)), Q: new(within(namespace, ""))}
	for {
		page, err := Read[wire.DriftPage](c)(c.c.ListDrift(ctx, in))
		if err != nil {
			return err
		}
		for _, x := range page.Items {
			var records []v1alpha1.DriftRecord
			for _, r := range x.Records {
				records = append(records, driftRecordOf(r))
			}
			each(lockstep.Unit{Namespace: x.Namespace, Name: x.Name}, records, x.More)
		}
		if page.Next == "" {
			return nil
		}
		in.Cursor = &page.Next
	}
}

// Live returns the objects that Git asks for of a Stack, and how they are doing.
func (c *Client) Live(ctx context.Context, u lockstep.Unit) (lockstep.Live, error) {
	var out lockstep.Live
	in := &wire.ListResourcesParams{}
	for {
		page, err := Read[wire.Resources](c)(c.c.ListResources(ctx, u.Namespace, u.Name, in))
		if err != nil {
			return out, err
		}
		for _, r := range page.Items {
			if !r.Managed {
				continue // what is made of an object shows in that one's health
			}
			out.Objects = append(out.Objects, lockstep.LiveObject{
				Key:  lockstep.Key{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name},
				Unit: u, Health: lockstep.Health{Status: lockstep.ParseHealthStatus(r.Health), Message: r.Message},
			})
		}
		if page.Next == "" {
			return out, nil
		}
		in.Cursor = &page.Next
	}
}

// Test asks the server to run the test hooks of a Stack, and returns what the run that
// answers says as its request.
func (c *Client) Test(ctx context.Context, u lockstep.Unit) (string, error) {
	asked, err := Read[wire.Asked](c)(c.c.TestStack(ctx, u.Namespace, u.Name, wire.Why{}))
	if err != nil {
		return "", err
	}
	return asked.Request, nil
}
