package expr

import (
	"errors"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// CEL counts the steps of an expression, not what a single step takes. The
// functions that can make much of little are our own and look before they work;
// and lists and maps that an expression makes are measured with all that is in
// them, because a short expression can put one value into another many times over.
const (
	maxLoops  = 12         // macros such as all and map in one expression
	maxParts  = 10_000     // values in a list or map that is made
	maxText   = 1 << 20    // bytes of a text that is made
	maxPairs  = 100_000    // comparisons of a function on sets
	textPrice = 64         // bytes of a result that cost one unit
	nameSized = "@sized"   // measures a list or map
	nameSwap  = "@replace" // what replace becomes
	nameJoin  = "@join"    // what join becomes
)

var errTooLarge = errors.New("it makes too large a value")

func bounded() []cel.EnvOption {
	list, text, whole := cel.ListType(cel.DynType), cel.StringType, cel.IntType
	sets := func(name string, f func(a, b traits.Lister) bool) cel.EnvOption {
		return cel.Function("sets."+name, cel.Overload("sets_"+name, []*cel.Type{list, list}, cel.BoolType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val { return onSets(f, a, b) })))
	}
	return []cel.EnvOption{
		cel.Function(nameSized, cel.Overload("sized_any", []*cel.Type{cel.TypeParamType("T")}, cel.TypeParamType("T"), cel.UnaryBinding(sized))),
		cel.Function(nameSwap,
			cel.MemberOverload("replace_all", []*cel.Type{text, text, text}, text, cel.FunctionBinding(replace)),
			cel.MemberOverload("replace_some", []*cel.Type{text, text, text, whole}, text, cel.FunctionBinding(replace))),
		cel.Function(nameJoin,
			cel.MemberOverload("join_plain", []*cel.Type{list}, text, cel.FunctionBinding(join)),
			cel.MemberOverload("join_with", []*cel.Type{list, text}, text, cel.FunctionBinding(join))),
		sets("contains", holds),
		sets("equivalent", func(a, b traits.Lister) bool { return holds(a, b) && holds(b, a) }),
		sets("intersects", meets),
	}
}

// sized returns v, unless it holds too much.
func sized(v ref.Val) ref.Val {
	if parts(v, maxParts) > maxParts {
		return types.WrapErr(errTooLarge)
	}
	return v
}

// parts counts the values in v, and stops soon beyond limit.
func parts(v ref.Val, limit int) int {
	n := 1
	switch c := v.(type) {
	case traits.Lister:
		for it := c.Iterator(); it.HasNext() == types.True && n <= limit; {
			n += parts(it.Next(), limit-n)
		}
	case traits.Mapper:
		for it := c.Iterator(); it.HasNext() == types.True && n <= limit; {
			n += 1 + parts(c.Get(it.Next()), limit-n)
		}
	}
	return n
}

func replace(args ...ref.Val) ref.Val {
	s, old, with := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	n := -1
	if len(args) == 4 {
		n = int(args[3].(types.Int))
	}
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(found, n)
	}
	if found > 0 && len(with) > maxText/found || len(s) > maxText {
		return types.WrapErr(errTooLarge)
	}
	return types.String(strings.Replace(s, old, with, n))
}

func join(args ...ref.Val) ref.Val {
	between := ""
	if len(args) == 2 {
		between = string(args[1].(types.String))
	}
	var b strings.Builder
	for it := args[0].(traits.Lister).Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.NewErr("join needs a list of texts")
		}
		if b.Len() > 0 {
			b.WriteString(between)
		}
		if b.WriteString(string(s)); b.Len() > maxText {
			return types.WrapErr(errTooLarge)
		}
	}
	return types.String(b.String())
}

func onSets(f func(a, b traits.Lister) bool, x, y ref.Val) ref.Val {
	a, b := x.(traits.Lister), y.(traits.Lister)
	if n, m := length(a), length(b); m > 0 && n > maxPairs/m {
		return types.WrapErr(errTooLarge)
	}
	return types.Bool(f(a, b))
}

func length(l traits.Lister) int {
	n, _ := l.Size().(types.Int)
	return int(n)
}

// holds says whether every element of b is in a.
func holds(a, b traits.Lister) bool {
	for it := b.Iterator(); it.HasNext() == types.True; {
		if a.Contains(it.Next()) != types.True {
			return false
		}
	}
	return true
}

func meets(a, b traits.Lister) bool {
	for it := b.Iterator(); it.HasNext() == types.True; {
		if a.Contains(it.Next()) == types.True {
			return true
		}
	}
	return false
}

// price charges for what a call made.
type price struct{}

// CallCost implements interpreter.ActualCostEstimator.
func (price) CallCost(function, _ string, _ []ref.Val, result ref.Val) *uint64 {
	var cost uint64
	switch r := result.(type) {
	case types.String:
		cost = uint64(1 + len(r)/textPrice)
	case traits.Lister:
		cost = uint64(1 + length(r)/8)
	default:
		return nil
	}
	if function == nameSized {
		cost = uint64(parts(result, maxParts))
	}
	return &cost
}
