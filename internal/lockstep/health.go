package lockstep

import "encoding/json"

// HealthStatus is how one object, or a whole unit, is doing. The words are
// kstatus's; Missing and Suspended are added because people ask for them.
type HealthStatus uint8

// Ordered from best to worst, so the health of many is the largest of them.
const (
	Healthy     HealthStatus = iota // serves as its spec asks; also every kind that has no notion of health
	Suspended                       // on purpose not running: a paused Deployment, a suspended CronJob or Job
	Progressing                     // on its way, no sign of trouble
	Terminating                     // being deleted
	Missing                         // should be there and is not
	Degraded                        // will not get there by itself, or says so
)

var healthNames = [...]string{"Healthy", "Suspended", "Progressing", "Terminating", "Missing", "Degraded"}

// String returns the word that people read.
func (h HealthStatus) String() string {
	if int(h) < len(healthNames) {
		return healthNames[h]
	}
	return "Unknown"
}

// ParseHealthStatus reads what String wrote. A word that it does not know is not as
// good as any that it does.
func ParseHealthStatus(word string) HealthStatus {
	for i, name := range healthNames {
		if name == word {
			return HealthStatus(i)
		}
	}
	return HealthStatus(len(healthNames))
}

// MarshalJSON writes the word.
func (h HealthStatus) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// Health is a verdict with its reason. Message is "" when there is nothing to
// say; it never changes while nothing has changed.
type Health struct {
	Status  HealthStatus `json:"status"`
	Message string       `json:"message,omitempty"`
}
