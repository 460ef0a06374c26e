package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// question is what was asked about a path.
type question byte

const (
	// exists: what type the path is, and for a file which content.
	exists question = iota + 1
	// names: the names and types in a directory, not what they hold.
	names
	// whole: everything below a directory.
	whole
	// leads: where the path leads once its links are followed.
	leads
)

// digest is an answer, hashed; the zero digest is "does not exist".
type digest [sha256.Size]byte

type readKey struct {
	tree string // "" is the unit's own Source
	path string
	ask  question
}

type read struct {
	readKey
	answer digest
	// below says that the answer cannot differ while the unit's directory has
	// the same hash.
	below bool
}

// A Recorder notes what a render really reads, including what it looked for and
// did not find. It is safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex
	base  string
	main  lockstep.Tree
	reads map[readKey]read
	// broken is set when a read failed for a reason that is not in the tree;
	// such a render can never be known to be current.
	broken bool
}

// Record returns req with its trees replaced by ones that note what is read.
//
// Such a tree hands out the hash and size of a directory nowhere: a renderer
// that depends on the whole of one says so with [Whole].
func Record(req Request) (Request, *Recorder) {
	r := &Recorder{base: req.Path, main: req.Tree, reads: map[readKey]read{}}
	req.Tree = &recorded{r: r, inner: req.Tree}
	if req.Trees != nil {
		named := make(map[string]lockstep.Tree, len(req.Trees))
		for name, t := range req.Trees {
			named[name] = &recorded{r: r, name: name, inner: t}
		}
		req.Trees = named
	}
	return req, r
}

// Whole returns the hash of everything below dir, noted as read when t is a
// tree made by [Record].
func Whole(t lockstep.Tree, dir string) (string, error) {
	rec, ok := t.(*recorded)
	if !ok {
		e, err := t.Stat(dir)
		return e.Hash, err
	}
	dir = clean(dir)
	e, err := rec.inner.Stat(dir)
	rec.note(dir, whole, answerWhole(e, err), err)
	return e.Hash, err
}

// Unrecorded returns what t reads from when t is a tree made by [Record], and t
// itself otherwise. It is for reading ahead: who uses it must repeat what was
// really read on t.
func Unrecorded(t lockstep.Tree) lockstep.Tree {
	if rec, ok := t.(*recorded); ok {
		return rec.inner
	}
	return t
}

// Real returns where p leads once every link is followed, noted as read when t
// is a tree made by [Record]. A tree that cannot say has no links.
func Real(t lockstep.Tree, p string) (string, error) {
	rec, ok := t.(*recorded)
	if !ok {
		return realPath(t, p)
	}
	p = clean(p)
	to, err := realPath(rec.inner, p)
	rec.note(p, leads, answerLeads(to, err), err)
	return to, err
}

func realPath(t lockstep.Tree, p string) (string, error) {
	if l, ok := t.(interface{ Real(string) (string, error) }); ok {
		return l.Real(p)
	}
	_, err := t.Stat(p)
	return p, err
}

// recorded is one tree under a Recorder.
type recorded struct {
	r     *Recorder
	name  string
	inner lockstep.Tree
}

func (t *recorded) Stat(p string) (lockstep.Entry, error) {
	p = clean(p)
	e, err := t.inner.Stat(p)
	t.note(p, exists, answerExists(e, err), err)
	return blind(e), err
}

func (t *recorded) ReadDir(p string) ([]lockstep.Entry, error) {
	p = clean(p)
	es, err := t.inner.ReadDir(p)
	if err != nil {
		t.failed(p, lockstep.Directory)
		return nil, err
	}
	t.note(p, names, answerNames(es, nil), nil)
	out := make([]lockstep.Entry, len(es))
	for i, e := range es {
		// What a listing says about the content of files would be another read.
		out[i] = lockstep.Entry{Name: e.Name, Type: e.Type, Size: -1}
	}
	return out, nil
}

func (t *recorded) ReadFile(p string) ([]byte, error) {
	p = clean(p)
	data, err := t.inner.ReadFile(p)
	if err != nil {
		t.failed(p, lockstep.File)
		return nil, err
	}
	e, err := t.inner.Stat(p)
	t.note(p, exists, answerExists(e, err), err)
	return data, nil
}

// failed notes a read that gave nothing, by what stands at the path instead.
func (t *recorded) failed(p string, wanted lockstep.EntryType) {
	e, err := t.inner.Stat(p)
	t.note(p, exists, answerExists(e, err), err)
	if err != nil || e.Type != wanted {
		return
	}
	// It is there and is what was wanted: reading itself failed, about which the
	// tree says nothing.
	t.r.mu.Lock()
	t.r.broken = true
	t.r.mu.Unlock()
}

// isContent says whether an error is a fact about the tree, and not about how
// it was read.
func isContent(err error) bool {
	return errors.Is(err, lockstep.ErrNotExist) || errors.Is(err, lockstep.ErrOutside)
}

func (t *recorded) note(p string, ask question, answer digest, err error) {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	if err != nil && !isContent(err) {
		t.r.broken = true
	}
	k := readKey{tree: t.name, path: p, ask: ask}
	if _, seen := t.r.reads[k]; seen {
		return
	}
	t.r.reads[k] = read{readKey: k, answer: answer, below: t.name == "" && t.r.contains(p)}
}

// contains says whether p lies in the unit's directory and is reached without
// links, so that the directory's hash vouches for it.
func (r *Recorder) contains(p string) bool {
	if _, ok := r.main.(interface{ Real(string) (string, error) }); !ok {
		return false
	}
	if p != r.base && r.base != "." && !strings.HasPrefix(p, r.base+"/") {
		return false
	}
	base, err := realPath(r.main, r.base)
	if err != nil {
		return false
	}
	rel := strings.TrimPrefix(strings.TrimPrefix(p, r.base), "/")
	if r.base == "." {
		rel = p
	}
	// The deepest part that exists decides: what is not there has no links.
	for at := p; ; at = path.Dir(at) {
		real, err := realPath(r.main, at)
		if err == nil {
			return real == path.Join(base, rel)
		}
		if !errors.Is(err, lockstep.ErrNotExist) || at == r.base || at == "." {
			return false
		}
		rel = path.Dir(rel)
		// A link that leads nowhere exists as an entry all the same.
		if dangling(r.main, at) {
			return false
		}
	}
}

func dangling(t lockstep.Tree, p string) bool {
	es, err := t.ReadDir(path.Dir(p))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(es, func(e lockstep.Entry) bool { return e.Name == path.Base(p) })
}

// Reads returns what was read so far.
func (r *Recorder) Reads() Reads {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Reads{base: r.base, broken: r.broken, list: make([]read, 0, len(r.reads))}
	for _, e := range r.reads {
		out.list = append(out.list, e)
	}
	slices.SortFunc(out.list, func(a, b read) int {
		return cmp.Or(cmp.Compare(a.tree, b.tree), cmp.Compare(a.path, b.path), cmp.Compare(a.ask, b.ask))
	})
	if e, err := r.main.Stat(r.base); err == nil && e.Hash != "" {
		out.dir = answerWhole(e, nil)
	}
	return out
}

// Reads is what one render read, sorted and compact: some hundred bytes per
// file.
type Reads struct {
	list   []read
	base   string
	dir    digest // of the unit's whole directory; zero when it has none
	broken bool
}

// Len returns how many different reads there were.
func (r Reads) Len() int { return len(r.list) }

// Same says whether a render that reads tree and trees would read what r holds,
// and so whether its result would be the same. An unchanged unit costs one Stat
// for its directory and one for each read outside of it.
func (r Reads) Same(tree lockstep.Tree, trees map[string]lockstep.Tree) bool {
	return r.same(tree, trees, tree.Stat)
}

func (r Reads) same(tree lockstep.Tree, trees map[string]lockstep.Tree, stat func(string) (lockstep.Entry, error)) bool {
	if r.broken {
		return false
	}
	e, err := stat(r.base)
	vouched := err == nil && e.Hash != "" && r.dir != digest{} && answerWhole(e, nil) == r.dir
	for _, old := range r.list {
		if old.below && vouched {
			continue
		}
		t := tree
		if old.tree != "" {
			if t = trees[old.tree]; t == nil {
				return false
			}
		}
		now, ok := ask(t, old.readKey)
		if !ok || now != old.answer {
			return false
		}
	}
	return true
}

// ask repeats one question; false when the tree could not be read.
func ask(t lockstep.Tree, k readKey) (digest, bool) {
	switch k.ask {
	case names:
		es, err := t.ReadDir(k.path)
		return answerNames(es, err), err == nil || isContent(err)
	case leads:
		to, err := realPath(t, k.path)
		return answerLeads(to, err), err == nil || isContent(err)
	}
	e, err := t.Stat(k.path)
	if k.ask == whole {
		return answerWhole(e, err), err == nil || isContent(err)
	}
	return answerExists(e, err), err == nil || isContent(err)
}

// Key returns the content key: a digest over the parameters of the request
// ([Params]) and everything that was read. Equal keys mean equal results.
func (r Reads) Key(params []byte) string {
	h := sha256.New()
	writeFields(h, "params", string(params))
	for _, e := range r.list {
		writeFields(h, e.tree, e.path)
		h.Write([]byte{byte(e.ask)})
		h.Write(e.answer[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// writeFields writes strings so that no two lists of them look alike.
func writeFields(h hash.Hash, ss ...string) {
	for _, s := range ss {
		h.Write([]byte(strconv.Itoa(len(s))))
		h.Write([]byte{':'})
		h.Write([]byte(s))
	}
}

func answer(parts ...string) digest {
	h := sha256.New()
	writeFields(h, parts...)
	var d digest
	h.Sum(d[:0])
	return d
}

// failure returns the digest for a path that cannot be read.
func failure(err error) digest {
	if errors.Is(err, lockstep.ErrNotExist) {
		return digest{}
	}
	if errors.Is(err, lockstep.ErrOutside) {
		return answer("outside")
	}
	return answer("error")
}

func answerExists(e lockstep.Entry, err error) digest {
	if err != nil {
		return failure(err)
	}
	if e.Type == lockstep.Directory {
		return answer("directory")
	}
	return answer("file", strconv.Itoa(int(e.Type)), e.Hash)
}

func answerWhole(e lockstep.Entry, err error) digest {
	if err != nil {
		return failure(err)
	}
	// As answer would say it, of which there is one for each unit and commit.
	var room [160]byte
	text := append(room[:0], "5:whole1:"...)
	text = strconv.AppendInt(text, int64(e.Type), 10)
	text = strconv.AppendInt(text, int64(len(e.Hash)), 10)
	text = append(append(text, ':'), e.Hash...)
	return sha256.Sum256(text)
}

func answerNames(es []lockstep.Entry, err error) digest {
	if err != nil {
		return failure(err)
	}
	parts := make([]string, 0, 1+2*len(es))
	parts = append(parts, "names")
	for _, e := range es {
		parts = append(parts, e.Name, strconv.Itoa(int(e.Type)))
	}
	return answer(parts...)
}

func answerLeads(to string, err error) digest {
	if err != nil {
		return failure(err)
	}
	return answer("leads", to)
}

// blind takes from a directory's entry what would make a render depend on all
// that is below.
func blind(e lockstep.Entry) lockstep.Entry {
	if e.Type == lockstep.Directory {
		e.Hash, e.Size = "", -1
	}
	return e
}

// clean brings paths that mean the same into one form; a path that leaves the
// tree stays as it is, for the tree to refuse.
func clean(p string) string {
	c, err := lockstep.CleanPath(p)
	if err != nil {
		return p
	}
	return c
}
