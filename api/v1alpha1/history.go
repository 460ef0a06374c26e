package v1alpha1

import "encoding/json"

// An API server decodes, prunes, validates and encodes every value of an object,
// several times, whenever anything of it is written. Ten releases of eleven fields
// are more than all the rest of a Stack, so only those that people look at every day
// are kept as objects.
const (
	maxHistory = 2
	maxEarlier = 8
)

// Begin puts a release in front of those before it; the oldest go.
func (s *StackStatus) Begin(r Release) {
	all := append([]Release{r}, s.History...)
	keep := min(len(all), maxHistory)
	earlier := make([]string, 0, maxEarlier)
	for _, old := range all[keep:] {
		// A Release holds nothing that cannot be written.
		line, _ := json.Marshal(old)
		earlier = append(earlier, string(line))
	}
	earlier = append(earlier, s.Earlier...)
	s.History, s.Earlier = all[:keep:keep], earlier[:min(len(earlier), maxEarlier)]
}

// Releases returns all releases that are on record, newest first. A line of the
// earlier ones that cannot be read is left out.
func (s *StackStatus) Releases() []Release {
	out := append([]Release{}, s.History...)
	for _, line := range s.Earlier {
		var r Release
		if json.Unmarshal([]byte(line), &r) == nil && r.ID > 0 {
			out = append(out, r)
		}
	}
	return out
}
