package dynamodb

import (
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// wireOutput is the answer of a frequent call, as JSON.
type wireOutput struct {
	Item             wireItem
	Items            []wireItem
	LastEvaluatedKey wireItem
	Count            int32
	ConsumedCapacity *struct{ CapacityUnits float64 }
}

// wireItem is an item, as JSON.
type wireItem map[string]wireValue

// wireValue is the value of an attribute, as JSON. One of the fields is set.
type wireValue struct {
	S    *string
	N    *string
	B    []byte
	BOOL *bool
	NULL *bool
	M    wireItem
	L    []wireValue
	SS   []string
	NS   []string
	BS   [][]byte
}

func decodeOutput(answer []byte) (out wireOutput, err error) {
	err = json.Unmarshal(answer, &out)
	return out, err
}

// units returns the units that the call has used.
func (o *wireOutput) units() float64 {
	if o.ConsumedCapacity == nil {
		return 0
	}
	return o.ConsumedCapacity.CapacityUnits
}

// decodeWritten returns the units of a write. The program asks for nothing else.
func decodeWritten(answer []byte) (Call, error) {
	wire, err := decodeOutput(answer)
	return Call{Written: wire.units()}, err
}

func decodeGet(answer []byte) (*dynamodb.GetItemOutput, Call, error) {
	wire, err := decodeOutput(answer)
	if err != nil {
		return nil, Call{}, err
	}
	out := &dynamodb.GetItemOutput{}
	out.Item, err = wire.Item.decode()
	return out, Call{Read: wire.units()}, err
}

func decodeQuery(answer []byte) (*dynamodb.QueryOutput, Call, error) {
	wire, err := decodeOutput(answer)
	if err != nil {
		return nil, Call{}, err
	}
	out := &dynamodb.QueryOutput{Count: wire.Count}
	for _, w := range wire.Items {
		i, err := w.decode()
		if err != nil {
			return nil, Call{}, err
		}
		out.Items = append(out.Items, i)
	}
	out.LastEvaluatedKey, err = wire.LastEvaluatedKey.decode()
	return out, Call{Read: wire.units()}, err
}

// decode returns the item, or nil if the answer has none.
func (w wireItem) decode() (item, error) {
	if w == nil {
		return nil, nil
	}
	i := make(item, len(w))
	for name, value := range w {
		var err error
		if i[name], err = value.decode(); err != nil {
			return nil, err
		}
	}
	return i, nil
}

var errUnknownType = errors.New("an attribute is of an unknown type")

// decode returns the value of an attribute.
func (w *wireValue) decode() (types.AttributeValue, error) {
	switch {
	case w.S != nil:
		return &types.AttributeValueMemberS{Value: *w.S}, nil
	case w.N != nil:
		return &types.AttributeValueMemberN{Value: *w.N}, nil
	case w.B != nil:
		return &types.AttributeValueMemberB{Value: w.B}, nil
	case w.BOOL != nil:
		return &types.AttributeValueMemberBOOL{Value: *w.BOOL}, nil
	case w.NULL != nil:
		return &types.AttributeValueMemberNULL{Value: *w.NULL}, nil
	case w.M != nil:
		m, err := w.M.decode()
		return &types.AttributeValueMemberM{Value: m}, err
	case w.L != nil:
		return w.decodeList()
	case w.SS != nil:
		return &types.AttributeValueMemberSS{Value: w.SS}, nil
	case w.NS != nil:
		return &types.AttributeValueMemberNS{Value: w.NS}, nil
	case w.BS != nil:
		return &types.AttributeValueMemberBS{Value: w.BS}, nil
	}
	return nil, errUnknownType
}

func (w *wireValue) decodeList() (types.AttributeValue, error) {
	list := make([]types.AttributeValue, len(w.L))
	for i := range w.L {
		var err error
		if list[i], err = w.L[i].decode(); err != nil {
			return nil, err
		}
	}
	return &types.AttributeValueMemberL{Value: list}, nil
}
