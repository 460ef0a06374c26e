package kubernetes

import (
	"context"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8sjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// list reads all objects of a watch's kind that carry our label, as records: the
// answer is projected while it arrives, so that memory never holds it.
func (c *Cluster) list(ctx context.Context, w *watcher, o metav1.ListOptions) (*recordList, error) {
	req := c.request("GET", identity{}, w.at.collection(w.key.namespace)).
		Param("labelSelector", v1alpha1.LabelStack).
		// To pack it would cost both sides more than to send it.
		SetHeader("Accept-Encoding", "identity")
	// Any state but the newest might be from before what this process, or the one
	// before it, did last.
	if o.ResourceVersion != "" && o.ResourceVersion != "0" {
		req = req.Param("resourceVersion", o.ResourceVersion)
	}
	body, err := req.Stream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	r := reader{
		view: c.view, names: map[string]string{},
		kind: w.at.kind.Kind, apiVersion: w.at.resource.GroupVersion().String(),
	}
	out := &recordList{}
	f := frames{from: body}
	out.ResourceVersion, err = f.each(func(raw []byte) error {
		rec, err := r.record(raw)
		out.Items = append(out.Items, listed{rec})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the list of %s: %w", w.at.kind, err)
	}
	// The end of the stream is read, too: a body that is left half way resets it.
	_, _ = io.Copy(io.Discard, io.LimitReader(body, 1<<10))
	return out, nil
}

// collection returns where the objects of a namespace, or ("") all, are listed.
func (m mapping) collection(namespace string) []string {
	if namespace != "" {
		return m.path(namespace, "")
	}
	m.namespaced = false
	return m.path("", "")
}

// recordList is a list of records as a reflector takes it.
type recordList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []listed
}

// DeepCopyObject implements runtime.Object. Records are never changed.
func (l *recordList) DeepCopyObject() runtime.Object { return l }

// listed is an item of a recordList.
type listed struct{ *record }

// GetObjectKind implements runtime.Object.
func (listed) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements runtime.Object. Records are never changed.
func (l listed) DeepCopyObject() runtime.Object { return l }

// plainLists has a reflector begin with a list. A watch that begins with all
// objects costs the API server and us twice as much.
type plainLists struct{ *cache.ListWatch }

// IsWatchListSemanticsUnSupported is how a reflector asks.
func (plainLists) IsWatchListSemanticsUnSupported() bool { return true }

// frames takes the items out of a list while it arrives.
type frames struct {
	from io.Reader
	buf  []byte
	at   int // what comes before it is done with
	err  error
}

const (
	frameSize = 64 << 10
	// maxFrame is what one object may have: forty times what etcd stores.
	maxFrame = 64 << 20
)

// each calls f for each item, whose bytes are only good until it returns. It
// returns the resource version of the list.
func (f *frames) each(item func([]byte) error) (version string, err error) {
	if err := f.expect('{'); err != nil {
		return "", err
	}
	for first := true; ; first = false {
		c, err := f.next()
		if err != nil {
			return "", err
		}
		if c == '}' {
			return version, nil
		}
		if c == ',' && !first {
			f.at++
		}
		name, err := f.value()
		if err != nil {
			return "", err
		}
		key := string(name)
		if err := f.expect(':'); err != nil {
			return "", err
		}
		switch key {
		case `"items"`:
			if err := f.items(item); err != nil {
				return "", err
			}
		case `"metadata"`:
			if version, err = f.version(); err != nil {
				return "", err
			}
		default:
			if _, err := f.value(); err != nil {
				return "", err
			}
		}
	}
}

func (f *frames) version() (string, error) {
	raw, err := f.value()
	if err != nil {
		return "", err
	}
	var meta metav1.ListMeta
	if err := k8sjson.Unmarshal(raw, &meta); err != nil {
		return "", err
	}
	if meta.Continue != "" {
		return "", fault.Unavailable("the API answered with a part of a list that was asked for whole")
	}
	return meta.ResourceVersion, nil
}

func (f *frames) items(item func([]byte) error) error {
	c, err := f.next()
	if err != nil {
		return err
	}
	if c != '[' { // null: there are none
		_, err := f.value()
		return err
	}
	f.at++
	for {
		if c, err = f.next(); err != nil {
			return err
		}
		switch c {
		case ']':
			f.at++
			return nil
		case ',':
			f.at++
			continue
		}
		raw, err := f.value()
		if err != nil {
			return err
		}
		if err := item(raw); err != nil {
			return err
		}
	}
}

// expect passes over c.
func (f *frames) expect(c byte) error {
	got, err := f.next()
	if err != nil {
		return err
	}
	if got != c {
		return fmt.Errorf("found %q where %q belongs", got, c)
	}
	f.at++
	return nil
}

// next returns the next byte that is no space, which stays to be read.
func (f *frames) next() (byte, error) {
	for {
		s := scanner{in: f.buf, at: f.at}
		s.space()
		if f.at = s.at; f.at < len(f.buf) {
			return f.buf[f.at], nil
		}
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
}

// value returns the bytes of the next value.
func (f *frames) value() ([]byte, error) {
	if _, err := f.next(); err != nil {
		return nil, err
	}
	for {
		if end, whole := endOf(f.buf, f.at); whole {
			raw := f.buf[f.at:end]
			f.at = end
			return raw, nil
		}
		if err := f.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more.
func (f *frames) fill() error {
	if f.err != nil {
		return f.err
	}
	if f.at > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.at:])]
		f.at = 0
	}
	if len(f.buf) == cap(f.buf) {
		if len(f.buf) >= maxFrame {
			return fmt.Errorf("an object has more than %d MiB", maxFrame>>20)
		}
		f.buf = append(make([]byte, 0, max(2*cap(f.buf), frameSize)), f.buf...)
	}
	n, err := f.from.Read(f.buf[len(f.buf):cap(f.buf)])
	f.buf = f.buf[:len(f.buf)+n]
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // whoever has all of the list does not ask for more
	}
	f.err = err
	if n > 0 {
		return nil
	}
	return err
}
