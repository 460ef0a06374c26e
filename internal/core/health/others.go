package health

import (
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func claim(t tree) lockstep.Health {
	switch t.text("status", "phase") {
	case "Bound":
		return ok()
	case "Lost":
		return degraded("its volume %q is lost", t.text("spec", "volumeName"))
	}
	// Also with WaitForFirstConsumer: it is bound once a pod asks for it.
	return progressing("waits for a volume")
}

func volume(t tree) lockstep.Health {
	switch t.text("status", "phase") {
	case "Failed":
		return degraded("%s", condition{message: t.text("status", "message"), reason: "reclaiming it failed"}.words())
	case "Pending":
		return progressing("is not available yet")
	}
	return ok()
}

func service(t tree) lockstep.Health {
	if t.text("spec", "type") != "LoadBalancer" || len(t.list("status", "loadBalancer", "ingress")) > 0 {
		return ok()
	}
	return progressing("waits for an address from the load balancer")
}

func namespace(t tree) lockstep.Health {
	if t.text("status", "phase") == "Terminating" {
		return verdict(lockstep.Terminating, "is being deleted")
	}
	return ok()
}

// budget is at fault only when it says so: forbidding every disruption for now
// is its work.
func budget(t tree) lockstep.Health {
	if c, found := t.conditions().of("DisruptionAllowed"); found && c.status == "False" && c.reason == "SyncFailed" {
		return degraded("%s", c.words())
	}
	return ok()
}

// autoscaler is not healthy while it cannot read metrics or reach its target.
// ScalingLimited is a bound that somebody set, not a fault.
func autoscaler(t tree) lockstep.Health {
	conditions := t.conditions()
	for _, kind := range [...]string{"AbleToScale", "ScalingActive"} {
		c, found := conditions.of(kind)
		if found && c.status == "False" && c.reason != "ScalingDisabled" {
			return degraded("%s", c.words())
		}
	}
	return ok()
}

func apiService(t tree) lockstep.Health {
	c, found := t.conditions().of("Available")
	switch {
	case !found:
		return progressing("is not available yet")
	case c.status == "True":
		return ok()
	}
	return progressing("%s", c.words())
}

func request(t tree) lockstep.Health {
	conditions := t.conditions()
	for _, kind := range [...]string{"Denied", "Failed"} {
		if c, found := conditions.of(kind); found && c.status == "True" {
			return degraded("%s: %s", kind, c.words())
		}
	}
	if t.text("status", "certificate") == "" {
		return progressing("waits for a certificate")
	}
	return ok()
}

func definition(t tree) lockstep.Health {
	conditions := t.conditions()
	if c, found := conditions.of("NamesAccepted"); found && c.status == "False" {
		return degraded("%s", c.words())
	}
	c, found := conditions.of("Established")
	switch {
	case found && c.status == "True":
		return ok()
	case found && c.status == "False" && c.reason != "Installing":
		return degraded("%s", c.words())
	}
	return progressing("is not established yet")
}
