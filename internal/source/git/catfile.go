package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// errMissing: the mirror does not hold the object.
var errMissing = errors.New("object is missing")

// tooLarge: the object is longer than the caller wanted to read.
type tooLarge int64

func (t tooLarge) Error() string { return fmt.Sprintf("object has %d bytes", int64(t)) }

// object is what the mirror holds under a name.
type object struct {
	hash string
	kind string
	size int64
	data []byte
}

// reader is one kept `git cat-file --batch-command`. It is used by one caller at
// a time.
type reader struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	used time.Time
}

func (r *repo) startReader() (*reader, error) {
	cmd := exec.CommandContext(context.Background(), "git", "cat-file", "--batch-command")
	cmd.Dir = r.dir
	// No protocol is allowed: reading never reaches for the network.
	cmd.Env = append(r.environment(nil), "GIT_ALLOW_PROTOCOL=none")
	own(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	err = cmd.Start()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, noGit()
	}
	if err != nil {
		return nil, err
	}
	return &reader{cmd: cmd, in: in, out: bufio.NewReaderSize(out, 32<<10)}, nil
}

func (r *reader) stop() {
	_ = r.in.Close()
	_ = r.cmd.Cancel()
	_ = r.cmd.Wait()
}

// ask sends one command and reads the header of the answer.
func (r *reader) ask(verb, name string) (object, error) {
	if _, err := io.WriteString(r.in, verb+" "+name+"\n"); err != nil {
		return object{}, err
	}
	line, err := r.out.ReadString('\n')
	if err != nil {
		return object{}, err
	}
	f := strings.Fields(line)
	if len(f) == 3 {
		size, err := strconv.ParseInt(f[2], 10, 64)
		return object{hash: f[0], kind: f[1], size: size}, err
	}
	if len(f) > 0 && f[len(f)-1] == "missing" {
		return object{}, errMissing
	}
	return object{}, fmt.Errorf("cat-file answered %q", line)
}

// contents reads an object of at most limit bytes. After tooLarge the reader is
// of no more use, because the bytes are still coming.
func (r *reader) contents(name string, limit int64) (object, error) {
	o, err := r.ask("contents", name)
	if err != nil {
		return object{}, err
	}
	if o.size > limit {
		return o, tooLarge(o.size)
	}
	o.data = make([]byte, o.size)
	if _, err := io.ReadFull(r.out, o.data); err != nil {
		return object{}, err
	}
	_, err = r.out.Discard(1)
	return o, err
}

// pool keeps the readers of one mirror.
type pool struct {
	start func() (*reader, error)
	slots chan struct{}
	keep  time.Duration
	count *Metrics

	mu     sync.Mutex
	idle   []*reader
	closed bool
	reaper *time.Timer
}

func newPool(size int, keep time.Duration, count *Metrics, start func() (*reader, error)) *pool {
	return &pool{start: start, slots: make(chan struct{}, size), keep: keep, count: count}
}

// read returns an object of at most limit bytes.
func (p *pool) read(name string, limit int64) (object, error) {
	return p.do(func(r *reader) (object, error) { return r.contents(name, limit) })
}

// readBlob is read for content whose length a stranger chose: it asks for the
// length first, so that git does not unpack what nobody will take.
func (p *pool) readBlob(name string, limit int64) (object, error) {
	return p.do(func(r *reader) (object, error) {
		o, err := r.ask("info", name)
		if err != nil {
			return object{}, err
		}
		if o.size > limit {
			return o, tooLarge(o.size)
		}
		return r.contents(name, limit)
	})
}

// do runs f on a reader, and once more on a fresh one when the first has died:
// somebody may have killed it, and a repack may have confused it.
func (p *pool) do(f func(*reader) (object, error)) (object, error) {
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	for try := 0; ; try++ {
		r, err := p.take(try > 0)
		if err != nil {
			return object{}, err
		}
		o, err := f(r)
		var large tooLarge
		switch {
		case err == nil || errors.Is(err, errMissing):
			p.count.read(len(o.data))
			p.give(r)
			return o, err
		case errors.As(err, &large):
			r.stop()
			return o, err
		}
		r.stop()
		if try > 0 {
			return object{}, err
		}
	}
}

func (p *pool) take(fresh bool) (*reader, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errors.New("the mirror is closed")
	}
	if n := len(p.idle); n > 0 && !fresh {
		r := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return r, nil
	}
	p.mu.Unlock()
	return p.start()
}

func (p *pool) give(r *reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go r.stop()
		return
	}
	r.used = time.Now()
	p.idle = append(p.idle, r)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(p.keep, p.reap)
	}
}

// reap ends the readers that nobody has used for a while.
func (p *pool) reap() {
	p.mu.Lock()
	var old []*reader
	for len(p.idle) > 0 && time.Since(p.idle[0].used) >= p.keep {
		old, p.idle = append(old, p.idle[0]), p.idle[1:]
	}
	p.reaper = nil
	if len(p.idle) > 0 && !p.closed {
		p.reaper = time.AfterFunc(p.keep, p.reap)
	}
	p.mu.Unlock()
	for _, r := range old {
		r.stop()
	}
}

// drop ends all idle readers; those at work end when they are given back only if
// the pool is closed.
func (p *pool) drop() {
	p.mu.Lock()
	old := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, r := range old {
		r.stop()
	}
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	p.mu.Unlock()
	p.drop()
}
