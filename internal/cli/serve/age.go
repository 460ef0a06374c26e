package serve

import (
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// age is a flag for a time in days, which time.Duration does not know.
type age struct{ d *time.Duration }

const (
	aDay = 24 * time.Hour
	// shortest keeps a slip, 90s for 90d, from removing what cannot be had back.
	shortest = time.Hour
	longest  = 100 * 365 * aDay
)

func (a age) String() string {
	switch d := a.d; {
	case d == nil || *d == 0:
		return "0"
	case *d%aDay == 0:
		return strconv.FormatInt(int64(*d/aDay), 10) + "d"
	default:
		return d.String()
	}
}

// Set reads 90d, 36h, or 0.
func (a age) Set(s string) error {
	bad := fault.Usage("%q is not a time to keep something", s).WithHint("in days or hours, an hour at least: 90d, 36h; 0 for ever")
	if s == "0" {
		*a.d = 0
		return nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 || time.Duration(n)*aDay > longest {
			return bad
		}
		*a.d = time.Duration(n) * aDay
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < shortest || d > longest {
		return bad
	}
	*a.d = d
	return nil
}

// Type is what the help calls the value.
func (a age) Type() string { return "age" }
