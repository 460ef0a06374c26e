package main

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// cloud is the folder.
type cloud struct{ dir string }

// object is what exists.
type object struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"`
	Name       string         `json:"name"`
	Status     string         `json:"status"` // creating, ready, updating, deleting
	Attributes map[string]any `json:"attributes"`
}

func open(dir string) (*cloud, error) {
	if dir == "" {
		return nil, errors.New("neither the argument dir nor FAKECLOUD_DIR names a folder")
	}
	if err := os.MkdirAll(filepath.Join(dir, "objects"), 0o755); err != nil {
		return nil, err
	}
	return &cloud{dir}, nil
}

func (c *cloud) admit(token string) error {
	want, err := os.ReadFile(filepath.Join(c.dir, "token"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(string(want))), []byte(token)) != 1 {
		return errors.New("401: the token is missing or wrong")
	}
	return nil
}

// load returns nil when the object does not exist.
func (c *cloud) load(id string) (*object, error) {
	data, err := os.ReadFile(c.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("object %s: %w", id, err)
	}
	return &o, nil
}

func (c *cloud) save(o *object) error {
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	// A test that reads beside us must not see half a file.
	partial := c.path(o.ID) + ".partial"
	if err := os.WriteFile(partial, data, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, c.path(o.ID))
}

func (c *cloud) remove(id string) error {
	err := os.Remove(c.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (c *cloud) path(id string) string {
	return filepath.Join(c.dir, "objects", filepath.Base(id)+".json")
}

// named returns nil when there is none.
func (c *cloud) named(kind, name string) (*object, error) {
	files, err := filepath.Glob(filepath.Join(c.dir, "objects", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		o, err := c.load(strings.TrimSuffix(filepath.Base(f), ".json"))
		if err != nil {
			return nil, err
		}
		if o != nil && o.Type == kind && o.Name == name {
			return o, nil
		}
	}
	return nil, nil
}

// add makes the object under an identity that was never given before, so that a
// replacement shows. Names are taken once, as in most clouds: what a killed run
// left behind is in the way of the next.
func (c *cloud) add(o *object) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	taken, err := c.named(o.Type, o.Name)
	if err != nil {
		return err
	}
	if taken != nil {
		return fmt.Errorf("409: a %s named %q exists already: %s", o.Type, o.Name, taken.ID)
	}
	n, err := c.next()
	if err != nil {
		return err
	}
	o.ID = fmt.Sprintf("%s-%s-%d", strings.TrimPrefix(o.Type, "fakecloud_"), filepath.Base(o.Name), n)
	return c.save(o)
}

func (c *cloud) next() (int, error) {
	path := filepath.Join(c.dir, "serial")
	n := 0
	if data, err := os.ReadFile(path); err == nil {
		n, err = strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil {
			return 0, err
		}
	}
	n++
	return n, os.WriteFile(path, []byte(strconv.Itoa(n)+"\n"), 0o644)
}

// lock keeps the other processes that use the cloud out.
func (c *cloud) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}
