package script

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// Verdict is what a script returned. Status is "" when it returned nothing.
type Verdict struct{ Status, Message string }

// Run runs the script for one object. The object is not changed.
func (s *Script) Run(object map[string]any) (v Verdict, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = Verdict{}, fmt.Errorf("it cannot be run: %v", r)
		}
	}()
	m := newMeter()
	l := lua.NewState(lua.Options{
		SkipOpenLibs: true, MinimizeStackMemory: true,
		CallStackSize: maxStack, RegistrySize: 256, RegistryMaxSize: maxValues, RegistryGrowStep: 256,
	})
	defer l.Close()
	lib := &library{m: m, now: s.now}
	lib.open(l)
	l.SetGlobal("obj", toLua(l, object))
	l.SetContext(m)
	l.Push(l.NewFunctionFromProto(s.proto))
	if err := l.PCall(0, 1, nil); err != nil {
		return Verdict{}, explain(m, err)
	}
	if m.over != nil { // it caught the error at its last instruction
		return Verdict{}, m.over
	}
	return verdictOf(l.Get(-1))
}

// explain finds the script's own words in an error of the virtual machine, which
// adds a stack trace.
func explain(m *meter, err error) error {
	if m.over != nil {
		return m.over
	}
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return err
	}
	if s, ok := api.Object.(lua.LString); ok {
		return errors.New(string(s))
	}
	if api.Object != nil && api.Object != lua.LNil {
		return fmt.Errorf("it ended with an error that is a %s", api.Object.Type())
	}
	if api.Cause != nil {
		return api.Cause
	}
	return api
}

func verdictOf(v lua.LValue) (Verdict, error) {
	t, ok := v.(*lua.LTable)
	if v == lua.LNil {
		return Verdict{}, nil
	}
	if !ok {
		return Verdict{}, fmt.Errorf("it returned a %s, not a table with status and message", v.Type())
	}
	status, ok := textOf(t.RawGetString("status"))
	if !ok {
		return Verdict{}, errors.New("it returned a status that is not text")
	}
	message, ok := textOf(t.RawGetString("message"))
	if !ok {
		return Verdict{}, errors.New("it returned a message that is not text")
	}
	return Verdict{Status: status, Message: message}, nil
}

func textOf(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return v.String(), true
	}
	return "", v == lua.LNil
}

// toLua copies a value. Keys are put in by name, so that pairs walks equal objects
// alike.
func toLua(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case int:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		t := l.CreateTable(len(v), 0)
		for _, e := range v {
			t.Append(toLua(l, e))
		}
		return t
	case map[string]any:
		t := l.CreateTable(0, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			t.RawSetString(k, toLua(l, v[k]))
		}
		return t
	}
	return lua.LNil
}
