package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// call is one request to the cloud. It is written down when it begins, when it is
// half done and when it ends, so that a test can wait for a moment within it.
type call struct {
	Time  time.Time `json:"time"`
	Op    string    `json:"op"`   // configure, create, read, update, delete, lookup, open, close
	Type  string    `json:"type"` // fakecloud_database …
	ID    string    `json:"id,omitempty"`
	Name  string    `json:"name,omitempty"`
	Phase string    `json:"phase"` // begin, half, done, failed
	PID   int       `json:"pid"`
	Call  int64     `json:"call"` // which of the process's calls it is

	cloud *cloud
}

var calls atomic.Int64

// fault is one line of faults.json. An empty field matches everything.
type fault struct {
	On      string  `json:"on"`
	Type    string  `json:"type"`
	Name    string  `json:"name"`
	Do      string  `json:"do"` // fail, hang, crash, slow
	Seconds float64 `json:"seconds"`
	Message string  `json:"message"`
}

// wishes are the faults that the configuration itself asks for.
type wishes struct {
	fail, hang, crash string // operations, separated by commas
	message           string
	seconds           float64
}

func (c *cloud) begin(op, kind, id, name string) *call {
	began := &call{Op: op, Type: kind, ID: id, Name: name, PID: os.Getpid(), Call: calls.Add(1), cloud: c}
	began.log("begin")
	return began
}

func (c *call) end(err error) {
	if err != nil {
		c.log("failed")
		return
	}
	c.log("done")
}

// log appends in one write, which the processes that share the file cannot tear.
func (c *call) log(phase string) {
	c.Phase, c.Time = phase, time.Now().UTC()
	line, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	f, err := os.OpenFile(filepath.Join(c.cloud.dir, "calls.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err) // a call that nobody counts would make a test pass wrongly
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}

// halfway is called between the two halves of the work: what goes wrong on
// purpose goes wrong here.
func (c *call) halfway(ctx context.Context, w wishes) error {
	c.log("half")
	found, err := c.faults(w)
	if err != nil {
		return err
	}
	for _, f := range found {
		if err := c.suffer(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) suffer(ctx context.Context, f fault) error {
	switch f.Do {
	case "slow":
		return pause(ctx, f.Seconds)
	case "crash":
		panic(fmt.Sprintf("fakecloud was told to crash on %s of %s %q", c.Op, c.Type, c.Name))
	case "hang":
		return c.hang(f)
	}
	if f.Message != "" {
		return errors.New(f.Message)
	}
	return fmt.Errorf("500: fakecloud was told to fail on %s of %s %q", c.Op, c.Type, c.Name)
}

func pause(ctx context.Context, seconds float64) error {
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("interrupted: %w", ctx.Err())
	}
}

// hang ignores that it is asked to stop, as a provider in a system call does. It
// ends when the test takes the fault back, and half a minute after whoever started
// the provider is gone, so that a test that fails leaves nothing behind for long.
func (c *call) hang(f fault) error {
	parent, alone := os.Getppid(), time.Time{}
	for {
		time.Sleep(50 * time.Millisecond)
		if os.Getppid() != parent && alone.IsZero() {
			alone = time.Now()
		}
		if !alone.IsZero() && time.Since(alone) > 30*time.Second {
			os.Exit(1)
		}
		rules, err := c.cloud.rules()
		if err != nil {
			return err
		}
		if f.Message != inConfiguration && !slices.Contains(rules, f) {
			return nil
		}
	}
}

// inConfiguration marks a fault that no file can take back.
const inConfiguration = "asked for by the configuration"

func (c *call) faults(w wishes) ([]fault, error) {
	var out []fault
	if w.seconds > 0 {
		out = append(out, fault{Do: "slow", Seconds: w.seconds})
	}
	if has(w.hang, c.Op) {
		out = append(out, fault{Do: "hang", Message: inConfiguration})
	}
	if has(w.crash, c.Op) {
		out = append(out, fault{Do: "crash"})
	}
	if has(w.fail, c.Op) {
		out = append(out, fault{Do: "fail", Message: w.message})
	}
	rules, err := c.cloud.rules()
	if err != nil {
		return nil, err
	}
	for _, f := range rules {
		if fits(f.On, c.Op) && fits(f.Type, c.Type) && fits(f.Name, c.Name) {
			out = append(out, f)
		}
	}
	return out, nil
}

func (c *cloud) rules() ([]fault, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, "faults.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []fault
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("faults.json: %w", err)
	}
	return out, nil
}

func fits(wanted, got string) bool { return wanted == "" || wanted == got }

func has(list, op string) bool {
	return slices.Contains(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), op)
}
