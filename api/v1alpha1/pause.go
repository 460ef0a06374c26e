package v1alpha1

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pause leaves a Stack as it is.
type Pause struct {
	// Until ends the pause by itself. Without it, it lasts until it is taken back.
	//
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	// Reason says why, for whoever finds the Stack paused.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// By is who paused it.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by,omitempty"`
}

// Hold keeps an earlier commit live.
type Hold struct {
	// Revision is the commit to keep live, a full hash. It wins over
	// spec.source.revision.
	//
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9a-f]{40}|[0-9a-f]{64})$')",message="revision must be a full hash of 40 or 64 lower-case hex digits"
	Revision string `json:"revision"`
	// Until ends the hold by itself: what is live goes on to what Git says then.
	//
	// +required
	Until metav1.Time `json:"until"`
	// Reason says why, for whoever finds Git ahead.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
	// By is who asked for it.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	By string `json:"by,omitempty"`
}

// At returns p while it is in force, and nil once it has run out. A nil Pause
// is none.
func (p *Pause) At(now time.Time) *Pause {
	if p == nil || p.Until != nil && !now.Before(p.Until.Time) {
		return nil
	}
	return p
}

// At returns h while it is in force, and nil once it has run out. A nil Hold is
// none.
func (h *Hold) At(now time.Time) *Hold {
	if h == nil || !now.Before(h.Until.Time) {
		return nil
	}
	return h
}

// String says who paused until when and why.
func (p *Pause) String() string {
	return said("paused", p.By, p.Until, p.Reason)
}

// String says who holds until when and why.
func (h *Hold) String() string {
	return said("held", h.By, &h.Until, h.Reason)
}

func said(what, by string, until *metav1.Time, reason string) string {
	if by != "" {
		what += " by " + by
	}
	if until != nil {
		what += " until " + until.UTC().Format("2006-01-02 15:04:05 MST")
	}
	if reason != "" {
		what = fmt.Sprintf("%s: %s", what, reason)
	}
	return what
}
