package risk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func claim(s subject, facts Facts, f Finding) (Finding, bool) {
	size := text(s.before, "spec", "resources", "requests", "storage")
	if size != "" {
		size = " of " + size
	}
	if facts.Reclaim[s.key] == "Retain" {
		return Finding{Level: Review, Why: "the volume" + size + " is kept by its reclaim policy, and has to be bound again by hand"}, true
	}
	f.Why = strings.Replace(f.Why, "the volume", "the volume"+size, 1)
	return f, true
}

func namespace(s subject, facts Facts, f Finding) (Finding, bool) {
	holds, looked := facts.Holds[s.key.Name]
	switch {
	case !looked:
	case len(holds) == 0:
		return Finding{Level: Review, Why: "everything in it goes with it; nothing that keeps data was found there"}, true
	default:
		f.Why = fmt.Sprintf("everything in it goes with it: %s", some(holds))
	}
	return f, true
}

func definition(s subject, facts Facts, f Finding) (Finding, bool) {
	n, counted := facts.Instances[s.key.Name]
	switch {
	case counted && n == 0:
		return Finding{Level: Review, Why: "the kind goes; there is no object of it"}, true
	case counted:
		f.Why = fmt.Sprintf("all %d objects of the kind go with it", n)
	}
	return f, true
}

// version finds versions of a kind that go, or are served no more, while objects may be
// stored in them.
func version(s subject, facts Facts, f Finding) (Finding, bool) {
	now := versions(s.after)
	if len(now) == 0 {
		return Finding{}, false
	}
	stored, known := facts.Stored[s.key.Name]
	was := versions(s.before)
	for _, name := range sorted(was) {
		before, _ := was[name].(map[string]any)
		after, there := now[name].(map[string]any)
		if there && (before["served"] != true || after["served"] != false) {
			continue
		}
		what := "version " + name + " goes"
		if there {
			what = "version " + name + " is not served any more"
		}
		switch {
		case slices.Contains(stored, name), !known && before["storage"] == true:
			f.Why = what + ", and objects may still be stored in it"
			return f, true
		case !known:
			return Finding{Level: Review, Why: what + "; nobody looked whether objects are stored in it", Keep: f.Keep}, true
		}
	}
	return Finding{}, false
}

func scale(s subject, _ Facts, f Finding) (Finding, bool) {
	was, now := number(at(s.before, "spec", "replicas")), number(at(s.after, "spec", "replicas"))
	switch {
	case was < 0 || now < 0 || now >= was:
		return Finding{}, false
	case text(s.after, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete":
		return Finding{
			Level: Loss, Why: fmt.Sprintf("the claims of %d replicas are deleted with them (whenScaled: Delete)", was-now) + ordinals(s, now, was),
			Keep: "set whenScaled: Retain first",
		}, true
	}
	f.Why = fmt.Sprintf("%d replicas stop; their claims stay", was-now) + ordinals(s, now, was)
	return f, true
}

// ordinals names the claims of replicas from one number to another.
func ordinals(s subject, from, to int64) string {
	templates, _ := at(s.after, "spec", "volumeClaimTemplates").([]any)
	first := number(at(s.after, "spec", "ordinals", "start"))
	var names []string
	for _, t := range templates {
		m, _ := t.(map[string]any)
		for i := from; i < to && len(names) < 4; i++ {
			names = append(names, fmt.Sprintf("%s-%s-%d", text(m, "metadata", "name"), s.key.Name, max(first, 0)+i))
		}
	}
	if len(names) == 0 {
		return ""
	}
	if len(names) == 4 {
		names[3] = "and others"
	}
	return ": " + strings.Join(names, ", ")
}

// workload finds volumes that stop being backed by a claim or a directory of the node,
// and those that are found elsewhere afterwards.
func workload(s subject, _ Facts, f Finding) (Finding, bool) {
	was, now := volumes(s.before), volumes(s.after)
	for _, name := range sorted(was) {
		before, _ := was[name].(map[string]any)
		after, kept := now[name].(map[string]any)
		switch {
		case before["persistentVolumeClaim"] != nil && (!kept || after["persistentVolumeClaim"] == nil):
			f.Why = fmt.Sprintf("volume %q is no claim any more: what is written from now on is lost with the pod, and what the claim holds is not seen", name)
			return f, true
		case before["hostPath"] != nil && kept && after["hostPath"] == nil:
			f.Why = fmt.Sprintf("volume %q is no directory of the node any more: what is there is not seen, and stays behind", name)
			return f, true
		case before["persistentVolumeClaim"] == nil:
			continue
		}
		if moved := remounted(s, name); moved != "" {
			f.Why = fmt.Sprintf("volume %q is %s: what was written before is not seen there", name, moved)
			return f, true
		}
	}
	return Finding{}, false
}

// remounted says how the place of a volume in its containers changes; "" if it does not.
func remounted(s subject, volume string) string {
	was, now := mounts(s.before, volume), mounts(s.after, volume)
	if len(was) == 0 || len(now) == 0 {
		return ""
	}
	for _, m := range was {
		if slices.Contains(now, m) {
			continue
		}
		for _, n := range now {
			if n.container == m.container && n.path == m.path {
				return fmt.Sprintf("mounted from %q instead of %q within it", n.sub, m.sub)
			}
		}
		return fmt.Sprintf("not mounted at %s any more", m.path)
	}
	return ""
}

func massive(deletes, total int) string {
	return fmt.Sprintf("%d of %d objects are deleted at once", deletes, total)
}

func some(keys []lockstep.Key) string {
	names := make([]string, 0, 4)
	for i, k := range keys {
		if i == 3 {
			names = append(names, fmt.Sprintf("and %d more", len(keys)-i))
			break
		}
		names = append(names, k.String())
	}
	return strings.Join(names, ", ")
}
