package expression

import (
	"errors"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// jsonFunction reads JSON in a text: json(body.Message).orderId.
const jsonFunction = "json"

// jsonErrors begins the errors of json. They do not quote the text.
const jsonErrors = "json: the text "

// jsonTextFunction declares json. Its cost is that of the text, see callPrices.
func jsonTextFunction(adapter types.Adapter) cel.EnvOption {
	read := func(v ref.Val) ref.Val {
		text, ok := v.(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(v)
		}
		decoded, err := decodeJSONText(string(text))
		if err != nil {
			return types.NewErr("%s%s", jsonErrors, err)
		}
		return adapter.NativeToValue(decoded)
	}
	return cel.Function(jsonFunction,
		cel.Overload("json_string", []*cel.Type{cel.StringType}, cel.DynType, cel.UnaryBinding(read)))
}

// maxJSONText bounds the text of json, in bytes. It is the limit of a body.
const maxJSONText = 1 << 20

// decodeJSONText reads a single JSON value of any type, by the rules of DecodeJSON.
func decodeJSONText(text string) (any, error) {
	if len(text) > maxJSONText {
		return nil, errors.New("is longer than 1 MiB")
	}
	return decodeJSONValue([]byte(text))
}
