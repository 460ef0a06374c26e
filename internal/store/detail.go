package store

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

var errNoDetail = errors.New("an entry without detail has no kind")

// Detail is what an entry has beside what all have. Its JSON is kept as it is: a
// field may be added, never renamed.
type Detail interface{ Kind() Kind }

// ReleaseDetail is that of KindRelease: a plan was carried out, or ended well or
// badly later. Healing is KindHeal.
type ReleaseDetail struct {
	UID      string  `json:"uid,omitempty"`
	Number   int64   `json:"number"`
	Revision string  `json:"revision"`
	Author   string  `json:"author,omitempty"`
	Subject  string  `json:"subject,omitempty"`
	Cause    string  `json:"cause"`
	Plan     string  `json:"plan"`
	Summary  Summary `json:"summary"`
	// Of is the release whose content a rollback went back to; 0 for none.
	Of int64 `json:"rollbackOf,omitempty"`
	// Record is the digest of the release's row as it was then.
	Record string `json:"record,omitempty"`
}

// Kind returns KindRelease.
func (ReleaseDetail) Kind() Kind { return KindRelease }

// HealDetail is that of KindHeal: somebody's change was undone.
type HealDetail struct {
	UID    string        `json:"uid,omitempty"`
	Number int64         `json:"number"`
	Fields []DriftDetail `json:"fields"`
	// More counts what Fields leaves out.
	More int `json:"more,omitempty"`
	// Record is the digest of the release's row as it was then.
	Record string `json:"record,omitempty"`
}

// Kind returns KindHeal.
func (HealDetail) Kind() Kind { return KindHeal }

// DriftDetail is that of KindDrift: one field was found to be as somebody else
// wants it, and is left so for now; or it no longer is.
type DriftDetail struct {
	Object  string    `json:"object"`
	Field   string    `json:"field,omitempty"`
	Git     string    `json:"git,omitempty"`
	Live    string    `json:"live,omitempty"`
	Manager string    `json:"manager,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	State   string    `json:"state,omitempty"`
	Next    string    `json:"next,omitempty"`
}

// Kind returns KindDrift.
func (DriftDetail) Kind() Kind { return KindDrift }

// ApprovalDetail is that of KindApproval: somebody let a plan pass, or did not.
type ApprovalDetail struct {
	Plan     string `json:"plan"`
	Revision string `json:"revision,omitempty"`
	Gate     string `json:"gate,omitempty"`
	// Losses are the objects whose loss was accepted by name.
	Losses []string `json:"losses,omitempty"`
}

// Kind returns KindApproval.
func (ApprovalDetail) Kind() Kind { return KindApproval }

// RollbackDetail is that of KindRollback: somebody asked for an older release.
type RollbackDetail struct {
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to"`
	// Revision is the commit that was gone back to.
	Revision string `json:"revision,omitempty"`
	// Mode is how: "hold" at the older release, or in Git by "commit" or "branch".
	Mode   string    `json:"mode"`
	Commit string    `json:"commit,omitempty"` // that was made, in Git
	Branch string    `json:"branch,omitempty"` // that it was pushed to
	Until  time.Time `json:"until,omitzero"`   // for which a hold is meant
	Losses []string  `json:"losses,omitempty"`
}

// Kind returns KindRollback.
func (RollbackDetail) Kind() Kind { return KindRollback }

// PauseDetail is that of KindPause: somebody paused a Stack or let it go on.
type PauseDetail struct {
	Until time.Time `json:"until,omitzero"`
}

// Kind returns KindPause.
func (PauseDetail) Kind() Kind { return KindPause }

// LoginDetail is that of KindLogin: somebody proved who they are, or did not.
type LoginDetail struct {
	// Provider is how: "oidc", "link", "github-actions".
	Provider string `json:"provider"`
	Address  string `json:"address,omitempty"` // of the client
	Agent    string `json:"agent,omitempty"`
}

// Kind returns KindLogin.
func (LoginDetail) Kind() Kind { return KindLogin }

// LogoutDetail is that of KindLogout: a session was ended, by whom the entry says.
type LogoutDetail struct {
	// Of is whose session it was, when somebody else's.
	Of string `json:"of,omitempty"`
}

// Kind returns KindLogout.
func (LogoutDetail) Kind() Kind { return KindLogout }

// TokenDetail is that of KindToken: a token was made or revoked. Never the token.
type TokenDetail struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Scopes  []string  `json:"scopes,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// Kind returns KindToken.
func (TokenDetail) Kind() Kind { return KindToken }

// CallDetail is that of KindCall: a request that changes something, whether it was
// let or not.
type CallDetail struct {
	Operation string `json:"operation"` // its id in the contract
	Path      string `json:"path,omitempty"`
	Status    int    `json:"status"`
	Address   string `json:"address,omitempty"`
}

// Kind returns KindCall.
func (CallDetail) Kind() Kind { return KindCall }

// RetentionDetail is that of KindRetention: what the policy had removed. With the
// list of gaps that Gaps is the digest of, the chain can still be verified.
type RetentionDetail struct {
	// Policy is the age beyond which entries of a kind went, "2160h0m0s".
	Policy map[Kind]string `json:"policy"`
	// Removed counts what went now, by kind.
	Removed map[Kind]int64 `json:"removed"`
	// Releases counts rows of releases that went now.
	Releases int64 `json:"releases,omitempty"`
	// Count and Gaps are of all gaps that there are; see DigestGaps.
	Count int    `json:"count"`
	Gaps  string `json:"gaps"`
}

// Kind returns KindRetention.
func (RetentionDetail) Kind() Kind { return KindRetention }

// GapDetail is that of KindGap: entries did not reach the store.
type GapDetail struct {
	Lost  map[Kind]int64 `json:"lost"`
	Since time.Time      `json:"since"`
	Until time.Time      `json:"until"`
}

// Kind returns KindGap.
func (GapDetail) Kind() Kind { return KindGap }

// ParseDetail reads what an entry of a kind has as Data.
func ParseDetail(k Kind, data string) (Detail, error) {
	var err error
	var d Detail
	switch k {
	case KindRelease:
		d, err = parse[ReleaseDetail](data)
	case KindDrift:
		d, err = parse[DriftDetail](data)
	case KindHeal:
		d, err = parse[HealDetail](data)
	case KindApproval:
		d, err = parse[ApprovalDetail](data)
	case KindRollback:
		d, err = parse[RollbackDetail](data)
	case KindPause:
		d, err = parse[PauseDetail](data)
	case KindLogin:
		d, err = parse[LoginDetail](data)
	case KindLogout:
		d, err = parse[LogoutDetail](data)
	case KindToken:
		d, err = parse[TokenDetail](data)
	case KindCall:
		d, err = parse[CallDetail](data)
	case KindRetention:
		d, err = parse[RetentionDetail](data)
	case KindGap:
		d, err = parse[GapDetail](data)
	default:
		return nil, fault.Invalid("an entry is of the kind %q, which this version does not know", k)
	}
	if err != nil {
		return nil, fault.Invalid("the details of a %s entry cannot be read", k).Because(err)
	}
	return d, nil
}

func parse[D Detail](data string) (Detail, error) {
	var d D
	err := json.Unmarshal([]byte(data), &d)
	return d, err
}

// DriftOf returns what is kept of drift.
func DriftOf(d lockstep.Drift) DriftDetail {
	return DriftDetail{
		Object: d.Object.String(), Field: d.Field, Git: d.Git, Live: d.Live, Manager: d.Manager,
		Since: d.FirstSeen.UTC().Truncate(time.Second), State: string(d.State), Next: d.Next,
	}
}
