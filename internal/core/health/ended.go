package health

import "github.com/lockstep-dev/lockstep/internal/lockstep"

// Ends says whether objects of a kind run to an end of their own, so that how
// they are doing on the way says nothing about it.
func Ends(k lockstep.GroupKind) bool {
	switch k {
	case lockstep.GroupKind{Group: "batch", Kind: "Job"},
		lockstep.GroupKind{Kind: "Pod"},
		lockstep.GroupKind{Group: "argoproj.io", Kind: "Workflow"}:
		return true
	}
	return false
}

// Ended says whether an object of a kind that ends has done so, and how. User
// rules have no say: a hook is over when the API says so.
func Ended(object map[string]any) lockstep.Ending {
	t := tree(object)
	switch k := t.groupKind(); {
	case !Ends(k):
		return lockstep.StillRunning
	case k.Kind == "Job":
		conditions := t.conditions()
		if conditions.is("Complete", "True") {
			return lockstep.Completed
		}
		if conditions.is("Failed", "True") {
			return lockstep.Broken
		}
		return lockstep.StillRunning
	}
	switch t.text("status", "phase") {
	case "Succeeded":
		return lockstep.Completed
	case "Failed", "Error":
		return lockstep.Broken
	}
	return lockstep.StillRunning
}
