package live

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/kin"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// LogWish says whose logs somebody wants to read.
type LogWish struct {
	Object    *lockstep.Key // nil for the whole Stack
	Pods      []string      // by name; nil for all
	Container string        // "" for all
	Follow    bool
	Previous  bool // of the container before the last restart
	Tail      int64
	Since     time.Time
}

// LogLine is one line of a log, or a word about the reading of it.
type LogLine struct {
	Pod       string     `json:"pod,omitempty"`
	Container string     `json:"container,omitempty"`
	At        *time.Time `json:"at,omitempty"`
	Text      string     `json:"text"`
	// Note says that the line is not of a log.
	Note bool `json:"note,omitempty" doc:"the text is about the reading, not of a log"`
}

// Bounds of reading logs: what one person can read, and what one server can hold.
const (
	mostStreams    = 20
	longestLine    = 16 << 10
	linesPerSecond = 2000
	buffered       = 256
	newPods        = 3 * time.Second // how often a follower looks for new pods
	mostLogBytes   = 16 << 20        // of one container that is not followed
)

// Logs calls tell with the lines of all chosen containers, merged as they come,
// until they end, ctx does or tell fails. Lines beyond what anybody can read are
// counted and left out.
func (l *Looker) Logs(ctx context.Context, u lockstep.Unit, w LogWish, tell func([]LogLine) error) error {
	ctx, cancel := context.WithCancel(ctx)
	r := &reading{looker: l, unit: u, wish: w, lines: make(chan LogLine, buffered), open: map[string]bool{}, cancel: cancel}
	defer r.wait.Wait()
	defer cancel()
	if err := r.begin(ctx, true); err != nil {
		return err
	}
	if w.Follow {
		r.wait.Go(func() { r.watch(ctx) })
	}
	all := make(chan struct{})
	go func() { r.wait.Wait(); close(all) }()
	return r.pump(ctx, all, tell)
}

type reading struct {
	looker *Looker
	unit   lockstep.Unit
	wish   LogWish
	lines  chan LogLine
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu   sync.Mutex
	open map[string]bool // pod/container that is or was read
	full bool
}

// begin opens what is not open yet.
func (r *reading) begin(ctx context.Context, first bool) error {
	s, err := r.looker.snapshot(ctx, r.unit)
	if err != nil {
		return err
	}
	t, err := r.looker.target(ctx, s.stack)
	if err != nil {
		return err
	}
	from, err := r.chosen(s)
	if err != nil {
		return err
	}
	if len(from) == 0 && first {
		r.say(ctx, "there is no pod")
	}
	for _, c := range from {
		if !r.claim(ctx, c) {
			continue
		}
		q := kubernetes.LogQuery{Namespace: c.namespace, Pod: c.pod, Container: c.container, Follow: r.wish.Follow, Previous: r.wish.Previous, Tail: r.wish.Tail, Since: r.wish.Since}
		if !q.Follow {
			q.Bytes = mostLogBytes
		}
		if !first {
			q.Tail = -1 // a pod that came while somebody reads is read from its beginning
		}
		r.wait.Go(func() { r.read(ctx, t, q, c) })
	}
	return nil
}

type container struct{ namespace, pod, container, uid string }

// chosen returns the containers that are to be read.
func (r *reading) chosen(s *snapshot) ([]container, error) {
	var pods []Resource
	in := func(rs []Resource) {
		for _, x := range rs {
			if x.key.GroupKind() == kin.Pods && (len(r.wish.Pods) == 0 || slices.Contains(r.wish.Pods, x.Name)) {
				pods = append(pods, x)
			}
		}
	}
	if r.wish.Object != nil {
		x, err := s.find(*r.wish.Object)
		if err != nil {
			return nil, err
		}
		in(s.below(x))
	} else {
		for _, root := range s.roots {
			in(append([]Resource{root}, s.made[root.key]...))
		}
	}
	var out []container
	for _, p := range pods {
		names := p.Containers
		if r.wish.Container != "" {
			names = []string{r.wish.Container}
		}
		for _, c := range names {
			out = append(out, container{p.Namespace, p.Name, c, p.UID})
		}
	}
	return out, nil
}

// claim says whether c is to be opened now.
func (r *reading) claim(ctx context.Context, c container) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := c.uid + "/" + c.container
	if r.open[id] {
		return false
	}
	if len(r.open) >= mostStreams {
		if !r.full {
			r.full = true
			r.say(ctx, fmt.Sprintf("only %d containers are read at once: choose pods", mostStreams))
		}
		return false
	}
	r.open[id] = true
	return true
}

func (r *reading) say(ctx context.Context, text string) {
	select {
	case r.lines <- LogLine{Text: text, Note: true}:
	case <-ctx.Done():
	}
}

func (r *reading) read(ctx context.Context, t target, q kubernetes.LogQuery, c container) {
	body, err := t.Log(ctx, q)
	if err != nil {
		if ctx.Err() == nil {
			r.say(ctx, c.pod+"/"+c.container+": "+fault.As(err).What)
		}
		return
	}
	defer body.Close()
	stop := context.AfterFunc(ctx, func() { _ = body.Close() })
	defer stop()
	in := bufio.NewReaderSize(body, longestLine)
	for {
		text, err := in.ReadSlice('\n')
		cut := errors.Is(err, bufio.ErrBufferFull)
		if len(text) > 0 {
			r.line(ctx, c, string(text), cut)
		}
		for cut { // the rest of the line is nobody's
			_, err = in.ReadSlice('\n')
			cut = errors.Is(err, bufio.ErrBufferFull)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				r.say(ctx, c.pod+"/"+c.container+": the log broke off")
			}
			return
		}
	}
}

// line sends one line on; a reader that is slower than the log holds it up, and
// through it the one who writes to us.
func (r *reading) line(ctx context.Context, c container, text string, cut bool) {
	x := LogLine{Pod: c.pod, Container: c.container, Text: strings.ToValidUTF8(strings.TrimRight(text, "\r\n"), "\uFFFD")}
	if stamp, rest, ok := strings.Cut(x.Text, " "); ok {
		if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
			x.At, x.Text = moment(at), rest
		}
	}
	if cut {
		x.Text += "…"
	}
	select {
	case r.lines <- x:
	case <-ctx.Done():
	}
}

// watch opens the logs of pods that come later.
func (r *reading) watch(ctx context.Context) {
	tick := time.NewTicker(newPods)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_ = r.begin(ctx, false) // the next look may succeed
	}
}

// pump gathers lines and tells them ten times a second at most.
func (r *reading) pump(ctx context.Context, all <-chan struct{}, tell func([]LogLine) error) error {
	const every = 100 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	var batch []LogLine
	left, quiet := 0, 0
	flush := func() error {
		if left > 0 {
			batch = append(batch, LogLine{Text: fmt.Sprintf("%d lines were left out: they came too fast", left), Note: true})
		}
		quiet++
		if len(batch) == 0 && quiet < 150 {
			return nil
		}
		out := batch
		batch, left, quiet = nil, 0, 0
		return tell(out) // nothing every 15 s, so that a dead peer is noticed
	}
	take := func(x LogLine) {
		if len(batch) < linesPerSecond/10 || !r.wish.Follow && len(batch) < 10*linesPerSecond {
			batch = append(batch, x)
			return
		}
		left++
	}
	for {
		select {
		case x := <-r.lines:
			take(x)
		case <-tick.C:
			if err := flush(); err != nil {
				return err
			}
		case <-all:
			for {
				select {
				case x := <-r.lines:
					take(x)
					continue
				default:
				}
				quiet = 1000
				return flush()
			}
		case <-ctx.Done():
			return nil
		}
	}
}
