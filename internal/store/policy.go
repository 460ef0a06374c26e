package store

import "time"

// day is what policies are counted in.
const day = 24 * time.Hour

// Keep is a Policy as people give it: an age for what is alike. Zero is for ever.
type Keep struct {
	Releases time.Duration // what was rolled out
	Drift    time.Duration // what was found to be changed, and undone
	Audit    time.Duration // what people did, and what was done to the record itself
}

// KeepDefault is for how long is kept what nobody decided about: a year, and a
// quarter for drift, of which there may be much.
func KeepDefault() Keep { return Keep{Releases: 365 * day, Drift: 90 * day, Audit: 365 * day} }

// Policy returns the age of each kind.
func (k Keep) Policy() Policy {
	out := Policy{}
	for _, kind := range Kinds() {
		switch kind {
		case KindRelease:
			out[kind] = k.Releases
		case KindDrift, KindHeal:
			out[kind] = k.Drift
		default:
			out[kind] = k.Audit
		}
	}
	return out
}
