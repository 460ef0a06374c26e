// Package helmrecord decides how the records look that Helm keeps of a release:
// Secrets in the release's namespace, one for each of its revisions.
//
// What is written follows from what is there, so that a crash between two writes
// is made good by the next pass: a revision stands for one release of one Stack,
// which an annotation names, and at no time are two of them deployed.
package helmrecord

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Status of a record, in Helm's words.
type Status string

// The statuses that Lockstep writes.
const (
	Deployed     Status = "deployed"
	Superseded   Status = "superseded"
	Failed       Status = "failed"
	Uninstalling Status = "uninstalling"
)

const (
	// annotation says whose record it is: NAMESPACE/NAME/UID/RELEASE of the Stack.
	// Helm's own have none.
	annotation = "lockstep.dev/helm-record"
	// keep is how many records are kept, as many as Helm does.
	keep = 10
	// maxBytes is what a Secret may hold.
	maxBytes = 1 << 20
	// maxUnpacked bounds what is read of a record that somebody else wrote.
	maxUnpacked = 256 << 20
)

// Owner is the Stack whose releases are recorded.
type Owner struct{ Namespace, Name, UID string }

func (o Owner) prefix() string          { return o.Namespace + "/" + o.Name + "/" }
func (o Owner) release(id int64) string { return fmt.Sprintf("%s%s/%d", o.prefix(), o.UID, id) }

// Ended is a release that came to an end.
type Ended struct {
	Owner Owner
	// Release is the Stack's number of it.
	Release int64
	Status  Status // Deployed or Failed
	// Note is what the description says besides: a commit, or what failed.
	Note string
	At   time.Time
	// Draft is the record as it was rendered.
	Draft []byte
}

// Writes are what is to be done, in this order. Objects that have a
// resourceVersion are there already.
type Writes struct {
	Put    []map[string]any
	Delete []string
	// Version of the record that stands for the release.
	Version int
}

// Record says what has to be written so that e is on record; have are the Secrets
// of the release that are there.
func Record(have []map[string]any, namespace string, e Ended) (Writes, error) {
	var w Writes
	list := parse(have)
	mine := -1
	for i, s := range list {
		if s.annotation != "" && !strings.HasPrefix(s.annotation, e.Owner.prefix()) {
			return w, fault.Conflict("Helm's record %s is kept by another Stack: %s", s.name, s.owner()).
				WithHint("set another spec.helm.releaseName, or delete the Secret if that Stack is gone")
		}
		if s.annotation == e.Owner.release(e.Release) {
			mine = i
		}
	}
	rel, err := unjson(e.Draft)
	if err != nil {
		return w, err
	}
	name, _ := rel["name"].(string)
	first := e.At.UTC().Format(time.RFC3339Nano)
	var self *secret
	switch {
	case mine >= 0:
		self = &list[mine]
	case len(list) > 0:
		self = &secret{version: list[len(list)-1].version + 1}
	default:
		self = &secret{version: 1}
	}
	w.Version = self.version
	for i := range list {
		if t := list[i].firstDeployed(); t != "" {
			first = t
			break
		}
	}
	if e.Status == Deployed {
		// First, so that there are never two; a crash in between leaves none, until
		// the next pass.
		for i := range list {
			if s := &list[i]; i != mine && s.status == Deployed {
				if err := s.turn(Superseded, e.At); err != nil {
					return w, err
				}
				w.Put = append(w.Put, s.tree)
			}
		}
	}
	if mine < 0 || self.status != e.Status {
		rel["version"] = self.version
		info, _ := rel["info"].(map[string]any)
		if info == nil {
			info = map[string]any{}
			rel["info"] = info
		}
		info["first_deployed"], info["last_deployed"] = first, e.At.UTC().Format(time.RFC3339Nano)
		info["status"], info["description"] = string(e.Status), describe(e, self.version)
		tree, err := self.compose(name, namespace, rel, e)
		if err != nil {
			return w, err
		}
		w.Put = append(w.Put, tree)
	}
	w.Delete = surplus(list, self.version)
	return w, nil
}

// describe is the sentence that helm history shows.
func describe(e Ended, version int) string {
	word := "Upgrade"
	if version == 1 {
		word = "Install"
	}
	if e.Status == Failed {
		return word + " failed: " + e.Note
	}
	return word + " complete: " + e.Note
}

// surplus are the oldest records, but never the deployed one.
func surplus(list []secret, newest int) []string {
	over := len(list) - keep
	if len(list) == 0 || list[len(list)-1].version != newest {
		over++
	}
	var out []string
	for _, s := range list {
		if len(out) >= over {
			break
		}
		if s.status != Deployed && s.version != newest {
			out = append(out, s.name)
		}
	}
	return out
}

// Uninstall says what is to be written when the objects of the release begin to be
// deleted.
func Uninstall(have []map[string]any, o Owner, at time.Time) (Writes, error) {
	var w Writes
	for _, s := range theirs(parse(have), o) {
		if s.status != Deployed {
			continue
		}
		if err := s.turn(Uninstalling, at); err != nil {
			return w, err
		}
		w.Put = append(w.Put, s.tree)
	}
	return w, nil
}

// Gone names the records that go with the Stack: its own, and those that Helm wrote
// before it took the release over.
func Gone(have []map[string]any, o Owner) []string {
	var out []string
	for _, s := range theirs(parse(have), o) {
		out = append(out, s.name)
	}
	return out
}

// theirs are the records that belong to o. Where it wrote none, none do.
func theirs(list []secret, o Owner) []secret {
	own := func(s secret) bool { return strings.HasPrefix(s.annotation, o.prefix()) }
	if !slices.ContainsFunc(list, own) {
		return nil
	}
	return slices.DeleteFunc(list, func(s secret) bool { return s.annotation != "" && !own(s) })
}

// secret is one of Helm's records.
type secret struct {
	tree       map[string]any
	name       string
	annotation string
	version    int
	status     Status
}

// parse reads the Secrets, oldest first. What is none of Helm's is passed over.
func parse(have []map[string]any) []secret {
	var out []secret
	for _, t := range have {
		md, _ := t["metadata"].(map[string]any)
		labels, _ := md["labels"].(map[string]any)
		annotations, _ := md["annotations"].(map[string]any)
		s := secret{tree: t}
		s.name, _ = md["name"].(string)
		s.annotation, _ = annotations[annotation].(string)
		version, _ := labels["version"].(string)
		status, _ := labels["status"].(string)
		n, err := strconv.Atoi(version)
		if err != nil || n < 1 || t["type"] != secretType {
			continue
		}
		s.version, s.status = n, Status(status)
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b secret) int { return cmp.Compare(a.version, b.version) })
	return out
}

const secretType = "helm.sh/release.v1"

func (s secret) owner() string {
	parts := strings.SplitN(s.annotation, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func (s secret) release() (map[string]any, error) {
	data, _ := s.tree["data"].(map[string]any)
	text, _ := data["release"].(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, broken(s.name, err)
	}
	plain, err := decode(raw)
	if err != nil {
		return nil, broken(s.name, err)
	}
	return unjson(plain)
}

func broken(name string, err error) error {
	return fault.Invalid("Helm's record %s cannot be read", name).Because(err).
		WithHint("delete the Secret if nobody needs it")
}

func (s secret) firstDeployed() string {
	rel, err := s.release()
	if err != nil {
		return ""
	}
	info, _ := rel["info"].(map[string]any)
	t, _ := info["first_deployed"].(string)
	return t
}

// turn changes the status of a record that is there.
func (s *secret) turn(to Status, at time.Time) error {
	rel, err := s.release()
	if err != nil {
		return err
	}
	info, _ := rel["info"].(map[string]any)
	if info == nil {
		info = map[string]any{}
		rel["info"] = info
	}
	info["status"] = string(to)
	md, _ := s.tree["metadata"].(map[string]any)
	labels, _ := md["labels"].(map[string]any)
	labels["status"], labels["modifiedAt"] = string(to), unix(at)
	return put(s.tree, s.name, rel)
}

// compose is the Secret of the release's own record.
func (s *secret) compose(name, namespace string, rel map[string]any, e Ended) (map[string]any, error) {
	key := fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, s.version)
	labels := map[string]any{"name": name, "owner": "helm", "status": string(e.Status), "version": strconv.Itoa(s.version)}
	md := map[string]any{
		"name": key, "namespace": namespace, "labels": labels,
		"annotations": map[string]any{annotation: e.Owner.release(e.Release)},
	}
	labels["createdAt"] = unix(e.At)
	if old, _ := s.tree["metadata"].(map[string]any); old != nil {
		if before, _ := old["labels"].(map[string]any); before["createdAt"] != nil {
			labels["createdAt"] = before["createdAt"]
		}
		labels["modifiedAt"] = unix(e.At)
		md["resourceVersion"] = old["resourceVersion"]
	}
	tree := map[string]any{"apiVersion": "v1", "kind": "Secret", "type": secretType, "metadata": md}
	return tree, put(tree, key, rel)
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

func put(tree map[string]any, name string, rel map[string]any) error {
	plain, err := json.Marshal(rel)
	if err != nil {
		return fault.Internal(err)
	}
	data := encode(plain)
	if len(data) > maxBytes {
		return fault.Invalid("Helm's record %s has %d bytes, more than the %d that a Secret may hold", name, len(data), maxBytes).
			WithHint("Helm could not keep it either; set spec.helm.releaseRecord to false")
	}
	tree["data"] = map[string]any{"release": base64.StdEncoding.EncodeToString(data)}
	return nil
}

// encode is Helm's form: compressed, and as text. In a Secret that is once more
// base64, as all data is.
func encode(plain []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = z.Write(plain)                                 // a buffer takes everything
	_ = z.Close()
	return []byte(base64.StdEncoding.EncodeToString(b.Bytes()))
}

func decode(text []byte) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, maxUnpacked))
}

// unjson keeps numbers as they are written.
func unjson(data []byte) (map[string]any, error) {
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		// The text of the error could quote a value.
		return nil, fault.Invalid("Helm's record is not JSON")
	}
	if out == nil {
		return nil, fault.Invalid("Helm's record is empty")
	}
	return out, nil
}
