package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// spool is a file of records that wait for the store, one a line: a checksum, a
// blank and JSON. A line that a crash has cut short, or somebody has changed, is
// left out. Only the journal's writer uses it, but for size.
type spool struct {
	path  string
	limit int64

	mu  sync.Mutex
	f   *os.File
	at  int64 // up to here the store has it
	end int64
}

func openSpool(path string, limit int64) (*spool, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Unavailable("the spool of the history %q cannot be opened", path).Because(err).WithHint("may the server write into its data directory?")
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fault.Unavailable("the spool of the history %q cannot be read", path).Because(errors.Join(err, f.Close()))
	}
	s := &spool{path: path, limit: limit, f: f, end: end}
	if end > 0 {
		// The last line may have been cut short.
		if _, err := f.WriteAt([]byte("\n"), end); err == nil {
			s.end++
		}
	}
	return s, nil
}

func (s *spool) size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end - s.at
}

// write adds records and says how many fitted. They are on the disk when it
// returns.
func (s *spool) write(records []store.Record) (fitted int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	for _, r := range records {
		line, err := encode(r)
		if err != nil || s.end+int64(b.Len()+len(line)) > s.limit {
			break
		}
		b.Write(line)
		fitted++
	}
	if fitted == 0 {
		return 0, nil
	}
	if _, err := s.f.WriteAt(b.Bytes(), s.end); err != nil {
		return 0, fault.Unavailable("the disk does not take it: %s", err).Because(err)
	}
	if err := s.f.Sync(); err != nil {
		return 0, fault.Unavailable("the disk does not take it: %s", err).Because(err)
	}
	s.end += int64(b.Len())
	return fitted, nil
}

// read returns the next records; next is for done.
func (s *spool) read(n int) (records []store.Record, next int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at >= s.end {
		return nil, s.at, nil
	}
	in := bufio.NewReader(io.NewSectionReader(s.f, s.at, s.end-s.at))
	next = s.at
	for len(records) < n {
		line, err := in.ReadBytes('\n')
		next += int64(len(line))
		if r, ok := decode(bytes.TrimSuffix(line, []byte("\n"))); ok {
			records = append(records, r)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, next, err
		}
	}
	if len(records) == 0 {
		s.truncate()
		return nil, s.at, nil
	}
	return records, next, nil
}

// done says that the store has what was read.
func (s *spool) done(next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at = next; s.at >= s.end {
		s.truncate()
	}
}

func (s *spool) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.truncate()
}

func (s *spool) truncate() {
	s.at, s.end = 0, 0
	_ = s.f.Truncate(0) // what is left over is known to the store by its IDs
}

func (s *spool) close() {
	_ = s.f.Close() // everything was synced when it was written
}

// line is a record as it is written.
type line struct {
	ID      string          `json:"id"`
	Time    int64           `json:"time"`
	Name    string          `json:"name,omitempty"`
	Display string          `json:"display,omitempty"`
	Via     lockstep.Proof  `json:"via,omitempty"`
	Unit    lockstep.Unit   `json:"unit,omitzero"`
	Verb    string          `json:"verb,omitempty"`
	Outcome string          `json:"outcome,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Request string          `json:"request,omitempty"`
	Kind    store.Kind      `json:"kind"`
	Detail  json.RawMessage `json:"detail"`
	Of      lockstep.Unit   `json:"of,omitzero"` // the release's
	Release *store.Release  `json:"release,omitempty"`
}

func encode(r store.Record) ([]byte, error) {
	d := r.Draft
	if d.Detail == nil {
		return nil, fault.Invalid("a record without detail")
	}
	detail, err := json.Marshal(d.Detail)
	if err != nil {
		return nil, fault.Internal(err)
	}
	l := line{
		ID: d.ID, Time: d.Time.UnixMicro(), Name: d.Person.Name, Display: d.Person.Display, Via: d.Person.Via, Unit: d.Unit,
		Verb: d.Verb, Outcome: d.Outcome, Reason: d.Reason, Request: d.Request, Kind: d.Detail.Kind(), Detail: detail, Release: r.Release,
	}
	if r.Release != nil {
		l.Of = r.Release.Unit
	}
	text, err := json.Marshal(l)
	if err != nil {
		return nil, fault.Internal(err)
	}
	out := strconv.AppendUint(nil, uint64(crc32.ChecksumIEEE(text)), 16)
	out = append(append(out, ' '), text...)
	return append(out, '\n'), nil
}

// decode reads a line; ok is false for one that is not whole.
func decode(b []byte) (r store.Record, ok bool) {
	sum, text, found := bytes.Cut(b, []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !found || err != nil || uint32(want) != crc32.ChecksumIEEE(text) {
		return r, false
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return r, false
	}
	detail, err := store.ParseDetail(l.Kind, string(l.Detail))
	if err != nil {
		return r, false
	}
	if l.Release != nil {
		l.Release.Unit = l.Of
	}
	return store.Record{Release: l.Release, Draft: store.Draft{
		ID: l.ID, Time: time.UnixMicro(l.Time).UTC(), Person: lockstep.Person{Name: l.Name, Display: l.Display, Via: l.Via}, Unit: l.Unit,
		Verb: l.Verb, Outcome: l.Outcome, Reason: l.Reason, Request: l.Request, Detail: detail,
	}}, true
}
