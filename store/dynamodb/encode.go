package dynamodb

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The inputs of the frequent calls are encoded here: the SDK's encoder takes ten times as long. Their deprecated fields,
// and the fields that this package does not use, are left out; a test holds that each other field is encoded as by the
// SDK.

// inputWriter writes the fields of an input as JSON. Fields that are not set are left out.
type inputWriter struct{ body []byte }

// newInput returns a writer for an input of about this size.
func newInput(size int) *inputWriter {
	return &inputWriter{body: append(make([]byte, 0, size), '{')}
}

// end returns the body.
func (w *inputWriter) end() []byte { return append(w.body, '}') }

func (w *inputWriter) name(name string) {
	if len(w.body) > 1 {
		w.body = append(w.body, ',')
	}
	w.body = append(w.body, '"')
	w.body = append(w.body, name...)
	w.body = append(w.body, `":`...)
}

func (w *inputWriter) text(name string, value *string) {
	if value != nil {
		w.name(name)
		w.body = appendText(w.body, *value)
	}
}

// word writes a constant of the SDK.
func (w *inputWriter) word(name, value string) {
	if value != "" {
		w.text(name, &value)
	}
}

// askForUnits makes the call return the units that it uses.
func (w *inputWriter) askForUnits(asks bool) {
	if asks {
		w.word("ReturnConsumedCapacity", string(types.ReturnConsumedCapacityTotal))
	}
}

func (w *inputWriter) flag(name string, value *bool) {
	if value != nil {
		w.name(name)
		w.body = strconv.AppendBool(w.body, *value)
	}
}

func (w *inputWriter) number(name string, value *int32) {
	if value != nil {
		w.name(name)
		w.body = strconv.AppendInt(w.body, int64(*value), 10)
	}
}

func (w *inputWriter) item(name string, value item) {
	if value != nil {
		w.name(name)
		w.body = appendItem(w.body, value)
	}
}

func (w *inputWriter) attributeNames(value map[string]string) {
	if value == nil {
		return
	}
	w.name("ExpressionAttributeNames")
	w.body = append(w.body, '{')
	isFirst := true
	for key, text := range value {
		w.body = appendKey(w.body, key, isFirst)
		w.body = appendText(w.body, text)
		isFirst = false
	}
	w.body = append(w.body, '}')
}

func encodePut(in *dynamodb.PutItemInput, asksForUnits bool) []byte {
	w := newInput(itemOverhead + 4*len(getBytes(in.Item, "order_record"))/3)
	w.text("TableName", in.TableName)
	w.item("Item", in.Item)
	w.text("ConditionExpression", in.ConditionExpression)
	w.attributeNames(in.ExpressionAttributeNames)
	w.item("ExpressionAttributeValues", in.ExpressionAttributeValues)
	w.askForUnits(asksForUnits)
	w.word("ReturnValuesOnConditionCheckFailure", string(in.ReturnValuesOnConditionCheckFailure))
	return w.end()
}

func encodeDelete(in *dynamodb.DeleteItemInput, asksForUnits bool) []byte {
	w := newInput(itemOverhead)
	w.text("TableName", in.TableName)
	w.item("Key", in.Key)
	w.text("ConditionExpression", in.ConditionExpression)
	w.attributeNames(in.ExpressionAttributeNames)
	w.item("ExpressionAttributeValues", in.ExpressionAttributeValues)
	w.askForUnits(asksForUnits)
	w.word("ReturnValuesOnConditionCheckFailure", string(in.ReturnValuesOnConditionCheckFailure))
	return w.end()
}

func encodeGet(in *dynamodb.GetItemInput, asksForUnits bool) []byte {
	w := newInput(itemOverhead / 2)
	w.text("TableName", in.TableName)
	w.item("Key", in.Key)
	w.flag("ConsistentRead", in.ConsistentRead)
	w.attributeNames(in.ExpressionAttributeNames)
	w.text("ProjectionExpression", in.ProjectionExpression)
	w.askForUnits(asksForUnits)
	return w.end()
}

func encodeQuery(in *dynamodb.QueryInput, asksForUnits bool) []byte {
	w := newInput(itemOverhead)
	w.text("TableName", in.TableName)
	w.text("IndexName", in.IndexName)
	w.text("KeyConditionExpression", in.KeyConditionExpression)
	w.text("FilterExpression", in.FilterExpression)
	w.attributeNames(in.ExpressionAttributeNames)
	w.item("ExpressionAttributeValues", in.ExpressionAttributeValues)
	w.text("ProjectionExpression", in.ProjectionExpression)
	w.word("Select", string(in.Select))
	w.number("Limit", in.Limit)
	w.item("ExclusiveStartKey", in.ExclusiveStartKey)
	w.flag("ConsistentRead", in.ConsistentRead)
	w.flag("ScanIndexForward", in.ScanIndexForward)
	w.askForUnits(asksForUnits)
	return w.end()
}

func appendItem(b []byte, i item) []byte {
	b = append(b, '{')
	isFirst := true
	for name, value := range i {
		b = appendKey(b, name, isFirst)
		b = appendValue(b, value)
		isFirst = false
	}
	return append(b, '}')
}

// appendKey appends the name of a member of an object.
func appendKey(b []byte, name string, isFirst bool) []byte {
	if !isFirst {
		b = append(b, ',')
	}
	return append(appendText(b, name), ':')
}

// appendValue appends the value of an attribute: an object with its type and its content.
func appendValue(b []byte, value types.AttributeValue) []byte {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		b = appendText(append(b, `{"S":`...), v.Value)
	case *types.AttributeValueMemberN:
		b = appendText(append(b, `{"N":`...), v.Value)
	case *types.AttributeValueMemberB:
		b = appendBytes(append(b, `{"B":`...), v.Value)
	case *types.AttributeValueMemberBOOL:
		b = strconv.AppendBool(append(b, `{"BOOL":`...), v.Value)
	case *types.AttributeValueMemberNULL:
		b = strconv.AppendBool(append(b, `{"NULL":`...), v.Value)
	case *types.AttributeValueMemberM:
		b = appendItem(append(b, `{"M":`...), v.Value)
	case *types.AttributeValueMemberL:
		b = appendList(append(b, `{"L":`...), v.Value, appendValue)
	case *types.AttributeValueMemberSS:
		b = appendList(append(b, `{"SS":`...), v.Value, appendText)
	case *types.AttributeValueMemberNS:
		b = appendList(append(b, `{"NS":`...), v.Value, appendText)
	case *types.AttributeValueMemberBS:
		b = appendList(append(b, `{"BS":`...), v.Value, appendBytes)
	default:
		panic(fmt.Sprintf("a value of the type %T cannot be stored", value)) // there are no other types
	}
	return append(b, '}')
}

func appendList[T any](b []byte, list []T, appendOne func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, one := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, one)
	}
	return append(b, ']')
}

func appendBytes(b, value []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, value)
	return append(b, '"')
}

// appendText appends a JSON string.
func appendText(b []byte, text string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for at := 0; at < len(text); {
		c := text[at]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		if c >= utf8.RuneSelf && (r != utf8.RuneError || size > 1) {
			at += size
			continue
		}
		b = append(b, text[from:at]...)
		switch {
		case c >= utf8.RuneSelf:
			b = append(b, `\ufffd`...)
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		}
		at += size
		from = at
	}
	b = append(b, text[from:]...)
	return append(b, '"')
}
