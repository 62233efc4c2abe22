package expression

import (
	"errors"
	"fmt"
	"math"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// native turns CEL's value into Go's: nil, text, bool, number, bytes, time,
// duration, []any or map[string]any. CEL's own conversion would make null the
// number 0 in a list, and an object in it a map that JSON cannot write.
func native(v ref.Val) (any, error) {
	switch x := v.(type) {
	case nil, types.Null:
		return nil, nil
	case *types.Optional:
		if !x.HasValue() {
			return nil, nil
		}
		return native(x.GetValue())
	case traits.Mapper:
		return nativeMap(x)
	case traits.Lister:
		return nativeList(x)
	}
	switch x := v.Value().(type) {
	case string, bool, int64, uint64, []byte, time.Time, time.Duration:
		return x, nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, errors.New("is no finite number")
		}
		return x, nil
	}
	return nil, fmt.Errorf("is of type %s, which JSON does not have", v.Type().TypeName())
}

func nativeList(v traits.Lister) (any, error) {
	out := []any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		item, err := native(it.Next())
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func nativeMap(v traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := v.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.Value().(string)
		if !ok {
			return nil, errors.New("is an object whose names are not all texts")
		}
		item, err := native(v.Get(key))
		if err != nil {
			return nil, err
		}
		out[name] = item
	}
	return out, nil
}
