package httpapi

import (
	"time"

	"github.com/lockstep-dev/lockstep/internal/server/board"
)

// Event is one message of the stream: one member is set, the one that the name of
// the event says. It exists for the contract; on the wire the data of an event is
// what the member holds.
type Event struct {
	Hello  *HelloEvent  `json:"hello,omitempty"`
	Rows   *RowsEvent   `json:"rows,omitempty"`
	Fleet  *FleetEvent  `json:"fleet,omitempty"`
	Stack  *StackEvent  `json:"stack,omitempty"`
	Source *SourceEvent `json:"source,omitempty"`
	Target *TargetEvent `json:"target,omitempty"`
	Resync *ResyncEvent `json:"resync,omitempty"`
	Ping   *PingEvent   `json:"ping,omitempty"`
	Bye    *ByeEvent    `json:"bye,omitempty"`
}

// HelloEvent begins every stream.
type HelloEvent struct {
	Build   string `json:"build" doc:"of the server; a page of another one should load itself again"`
	Version uint64 `json:"version" doc:"of this server's knowledge as the stream begins"`
	Resumed bool   `json:"resumed" doc:"whether what was missed follows; if not, read anew what is shown"`
}

// RowsEvent has the Stacks that changed, each in its newest form. Topic fleet.
type RowsEvent struct {
	Rows    []board.StackRow `json:"rows"`
	Gone    []StackName      `json:"gone" doc:"Stacks that were deleted, or may not be seen any more"`
	Version uint64           `json:"version"`
}

// FleetEvent has the numbers of all that the person may see. Topic fleet, at most
// once a second.
type FleetEvent struct {
	Counts  board.Counts `json:"counts"`
	Version uint64       `json:"version"`
}

// StackEvent is one Stack in full. Topic stack:NAMESPACE/NAME.
type StackEvent struct {
	Namespace string       `json:"namespace"`
	Name      string       `json:"name"`
	Detail    *StackDetail `json:"detail,omitempty" doc:"absent when it is gone"`
	Version   uint64       `json:"version"`
}

// SourceEvent is one Source that changed. Topic sources.
type SourceEvent struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	Row       *SourceRow `json:"row,omitempty" doc:"absent when it is gone"`
}

// TargetEvent is one Target that changed. Topic targets.
type TargetEvent struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	Row       *TargetRow `json:"row,omitempty" doc:"absent when it is gone"`
}

// ResyncEvent says that too much was missed: read anew what is shown.
type ResyncEvent struct {
	Reason  string `json:"reason" enum:"behind,restarted,access" doc:"too slow or away for too long; another server; other permissions than before"`
	Version uint64 `json:"version"`
}

// PingEvent comes when nothing else did for 15 seconds.
type PingEvent struct {
	At time.Time `json:"at"`
}

// ByeEvent ends a stream on purpose.
type ByeEvent struct {
	Reason string `json:"reason" enum:"shutdown,signedOut,tooLong"`
}

// StackName names a Stack.
type StackName struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}
