package tofutest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Cloud is the folder that the provider fakecloud manages objects in.
type Cloud struct {
	Dir string
}

// Object is what exists in the cloud, whatever a state says.
type Object struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"` // fakecloud_database …
	Name       string         `json:"name"`
	Status     string         `json:"status"` // creating, ready, updating, deleting
	Attributes map[string]any `json:"attributes"`
}

// Call is one call to the cloud.
type Call struct {
	Time  time.Time `json:"time"`
	Op    string    `json:"op"` // configure, create, read, update, delete, lookup, open, close
	Type  string    `json:"type"`
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Phase string    `json:"phase"` // begin, half, done, failed
	PID   int       `json:"pid"`   // of the provider's process
	Call  int64     `json:"call"`  // which of the process's calls it is
}

// Fault is something that goes wrong half way through every call that it matches,
// until it is taken back. An empty field matches everything.
type Fault struct {
	On   string `json:"on"` // the Op of Call
	Type string `json:"type"`
	Name string `json:"name"`
	// Do is fail, hang, crash or slow. A provider that hangs ignores that it is
	// asked to stop; it goes on when the fault is taken back.
	Do      string  `json:"do"`
	Seconds float64 `json:"seconds"` // of slow
	Message string  `json:"message"` // of fail
}

// NewCloud makes an empty cloud for one test.
func NewCloud(t testing.TB) *Cloud {
	t.Helper()
	return &Cloud{Dir: t.TempDir()}
}

// Env is what the provider finds the cloud by.
func (c *Cloud) Env() []string { return []string{"FAKECLOUD_DIR=" + c.Dir} }

// Objects returns what exists, by identity.
func (c *Cloud) Objects(t testing.TB) map[string]Object {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.Dir, "objects", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Object{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since it was listed
		}
		if err != nil {
			t.Fatal(err)
		}
		var o Object
		if err := json.Unmarshal(data, &o); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[o.ID] = o
	}
	return out
}

// Find returns the one object of a type with a name.
func (c *Cloud) Find(t testing.TB, kind, name string) Object {
	t.Helper()
	for _, o := range c.Objects(t) {
		if o.Type == kind && o.Name == name {
			return o
		}
	}
	t.Fatalf("the cloud has no %s %q", kind, name)
	return Object{}
}

// Edit changes an object behind the back of everyone.
func (c *Cloud) Edit(t testing.TB, id string, change func(*Object)) {
	t.Helper()
	o, there := c.Objects(t)[id]
	if !there {
		t.Fatalf("the cloud has no object %q", id)
	}
	change(&o)
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, filepath.Join("objects", id+".json"), data)
}

// Remove deletes an object behind the back of everyone.
func (c *Cloud) Remove(t testing.TB, id string) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.Dir, "objects", filepath.Base(id)+".json")); err != nil {
		t.Fatal(err)
	}
}

// Calls returns the calls so far in the order in which they began, each in the
// phase that it got to. Given operations, it returns only theirs.
func (c *Cloud) Calls(t testing.TB, ops ...string) []Call {
	t.Helper()
	type key struct {
		pid  int
		call int64
	}
	var out []Call
	at := map[key]int{}
	for _, line := range c.lines(t) {
		k := key{line.PID, line.Call}
		i, began := at[k]
		if !began {
			at[k] = len(out)
			out = append(out, line)
			continue
		}
		line.Time = out[i].Time
		out[i] = line
	}
	if len(ops) == 0 {
		return out
	}
	return slices.DeleteFunc(out, func(call Call) bool { return !slices.Contains(ops, call.Op) })
}

// Forget starts the log of calls anew.
func (c *Cloud) Forget(t testing.TB) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.Dir, "calls.jsonl")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// Await waits until a call is half done or over, and returns it.
func (c *Cloud) Await(t testing.TB, op, kind, name string) Call {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, call := range c.Calls(t, op) {
			if call.Type == kind && call.Name == name && call.Phase != "begin" {
				return call
			}
		}
	}
	t.Fatalf("nobody called %s of %s %q within half a minute; the calls were %+v", op, kind, name, c.Calls(t))
	return Call{}
}

// Fail makes these faults, and no others, happen from now on. None takes all back.
func (c *Cloud) Fail(t testing.TB, faults ...Fault) {
	t.Helper()
	if faults == nil {
		faults = []Fault{}
	}
	data, err := json.Marshal(faults)
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "faults.json", data)
}

// Demand lets in only who has the token.
func (c *Cloud) Demand(t testing.TB, token string) {
	t.Helper()
	c.write(t, "token", []byte(token))
}

// write replaces a file at once: a provider may be reading it.
func (c *Cloud) write(t testing.TB, name string, data []byte) {
	t.Helper()
	path := filepath.Join(c.Dir, name)
	if err := os.WriteFile(path+".edit", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".edit", path); err != nil {
		t.Fatal(err)
	}
}

func (c *Cloud) lines(t testing.TB) []Call {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.Dir, "calls.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []Call
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var line Call
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("calls.jsonl: %q: %v", strings.TrimSpace(lines.Text()), err)
		}
		out = append(out, line)
	}
	return out
}
