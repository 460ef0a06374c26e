package expr

import (
	"errors"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
)

// ErrMissing says that an expression asked for a key or an index that is not
// there.
var ErrMissing = errors.New("no such key")

// Bounds on expressions and their evaluation. One unit of cost is about one step
// of a loop or a call.
const (
	maxSource = 8 << 10
	maxDepth  = 60
	maxCost   = 200_000
)

// Names that an expression cannot write, for what it is rewritten to.
const (
	nameGet       = "@get"
	nameCondition = "@condition"
	nameObject    = "@object"
)

// environment is shared by all expressions: it holds a megabyte, most of it the
// declarations of CEL's own functions. It is made when the first expression is
// compiled, which in a fleet without custom resources is never.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	object := cel.MapType(cel.StringType, cel.DynType)
	return cel.NewEnv(append(bounded(),
		cel.Variable("self", object),
		cel.Variable("metadata", object),
		cel.Variable("spec", object),
		cel.Variable("status", object),
		cel.Variable("conditions", cel.ListType(object)),
		cel.Variable(nameObject, object),
		cel.Function(nameGet, cel.Overload("get_any", []*cel.Type{cel.DynType, cel.DynType}, cel.DynType,
			cel.BinaryBinding(get))),
		cel.Function(nameCondition, cel.Overload("condition_of", []*cel.Type{cel.DynType, cel.StringType}, object,
			cel.BinaryBinding(conditionOf))),
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxSource),
		cel.ParserRecursionLimit(maxDepth),
		ext.Strings(ext.StringsVersion(0)), // later ones have format, whose widths have no bound
		ext.Lists(ext.ListsVersion(0)),     // later ones have range and flatten, likewise
	)...)
})

// get selects from a map or a list, through optionals as `a.?b.c` does.
func get(from, key ref.Val) ref.Val {
	if o, ok := from.(*types.Optional); ok {
		return optionally(o, key)
	}
	switch c := from.(type) {
	case traits.Mapper:
		if v, found := c.Find(key); found {
			return v
		}
		return types.WrapErr(ErrMissing)
	case traits.Lister:
		return element(c, key)
	}
	if from.Type() == types.NullType {
		return types.WrapErr(ErrMissing) // what a controller sets to null is not there
	}
	return types.MaybeNoSuchOverloadErr(from)
}

func optionally(o *types.Optional, key ref.Val) ref.Val {
	if !o.HasValue() {
		return types.OptionalNone
	}
	v := get(o.GetValue(), key)
	if e, ok := v.(*types.Err); ok {
		if errors.Is(e, ErrMissing) {
			return types.OptionalNone
		}
		return e
	}
	return types.OptionalOf(v)
}

func element(l traits.Lister, key ref.Val) ref.Val {
	i, err := types.IndexOrError(key)
	if err != nil {
		return types.WrapErr(err)
	}
	if size, ok := l.Size().(types.Int); i < 0 || !ok || int64(i) >= int64(size) {
		return types.WrapErr(ErrMissing)
	}
	return l.Get(types.Int(i))
}

// conditionOf returns the condition of a type, with every field that a condition
// may have. An object without it has one with all fields empty.
func conditionOf(object, kind ref.Val) ref.Val {
	tree, _ := object.Value().(map[string]any)
	want, _ := kind.Value().(string)
	return types.DefaultTypeAdapter.NativeToValue(condition(tree, want))
}
