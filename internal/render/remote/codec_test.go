package remote

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render/worker/wire"
)

// fill sets every field that can be reached to something that is not its zero
// value, so that a field which is added and not sent is found here.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("bytes"))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i))
		}
	case reflect.Map:
		if v.Type().Elem().Kind() != reflect.String {
			return // objects and trees are filled by hand
		}
		v.Set(reflect.ValueOf(map[string]string{"a": "b", "c": "d"}))
	}
}

func TestRequest(t *testing.T) {
	var req core.Request
	fill(reflect.ValueOf(&req).Elem())
	var w wire.Writer
	writeRequest(&w, req)
	r := wire.NewReader(w.Bytes())
	got := readRequest(r)
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	// What stays on this side.
	req.Tree, req.Trees, req.Namespaced, req.Helm.Chart.Credentials = nil, nil, nil, nil
	if diff := cmp.Diff(req, got); diff != "" {
		t.Errorf("(-sent +received):\n%s", diff)
	}
	if _, sent := reflect.TypeFor[core.ChartRef]().FieldByName("Credentials"); !sent {
		t.Error("the field that must not be sent has another name now")
	}
}

func TestResult(t *testing.T) {
	object := lockstep.Object{
		Origin: lockstep.Origin{File: "a/x.yaml", Line: 3},
		Tree: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{
			"name": "x", "annotations": map[string]any{"helm.sh/hook": "pre-install,test", "helm.sh/hook-weight": "5", "helm.sh/hook-delete-policy": "hook-succeeded"},
		}, "spec": map[string]any{"n": int64(1), "f": 1.5, "l": []any{true, nil}}},
	}
	role, err := hook.Of(object)
	if err != nil || !role.IsHook() {
		t.Fatalf("%v, %v", role, err)
	}
	var res core.Result
	fill(reflect.ValueOf(&res).Elem())
	res.Objects = []lockstep.Object{object, object}
	res.Hooks = []core.Hook{{Object: object, Role: role}}
	out, err := encodeResult(res)
	if err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(out)
	if r.Byte() != rendered {
		t.Fatal("not marked as rendered")
	}
	got, err := decodeResult(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(res, got); diff != "" {
		t.Errorf("(-sent +received):\n%s", diff)
	}
}

func TestResultHasBounds(t *testing.T) {
	long := make([]any, wire.MaxValues+1)
	for i := range long {
		long[i] = true
	}
	_, err := encodeResult(core.Result{Objects: []lockstep.Object{{Tree: map[string]any{"a": long}}}})
	if err == nil {
		t.Error("too many values were sent")
	}
	big := string(make([]byte, maxResult))
	if _, err = encodeResult(core.Result{Objects: []lockstep.Object{{Tree: map[string]any{"a": big}}}}); err == nil {
		t.Error("too many bytes were sent")
	}
}

func FuzzResult(f *testing.F) {
	out, err := encodeResult(core.Result{
		Kind: core.Helm, Chart: &core.ChartInfo{Name: "x"}, Warnings: []string{"w"},
		Objects: []lockstep.Object{{Tree: map[string]any{"kind": "X"}, Origin: lockstep.Origin{File: "f", Line: 1}}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(out[1:])
	f.Fuzz(func(t *testing.T, in []byte) {
		res, err := decodeResult(wire.NewReader(in))
		if err != nil {
			return
		}
		again, err := encodeResult(res)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeResult(wire.NewReader(again[1:])); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}

// FuzzHost asks what a worker that was taken over may ask.
func FuzzHost(f *testing.F) {
	f.Add([]byte{askLoad, 0, 1, 'a'}, []byte{sawReal, 0, 1, 'a'})
	f.Add([]byte{askReadFile, 1, 3, '.', '.', '/'}, []byte{sawNames, 9, 1, 'a'})
	f.Add([]byte{askNamespaced, 0, 1, 'a'}, []byte{})
	f.Add([]byte{askFetch, 3, 0, 0, 0}, []byte{sawStat})
	f.Fuzz(func(t *testing.T, question, note []byte) {
		h := testHost()
		_, _ = h.Answer(t.Context(), question)
		h.Note(note)
		if h.known.size > 2*keepBytes+keepOne {
			t.Error("it keeps too much")
		}
	})
}
