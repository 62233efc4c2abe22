package dynamodb

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// wire is an HTTP client that keeps the body of the last request, and answers with a body.
type wire struct{ sent, answer []byte }

// Do implements dynamodb.HTTPClient.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.sent, _ = io.ReadAll(r.Body)
	return answer(http.StatusOK, string(w.answer)), nil
}

// sdkOn returns a client of the SDK on a wire.
func sdkOn(w *wire) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:     "eu-central-1",
		HTTPClient: w,
		Retryer:    aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key"}, nil
		}),
	})
}

// frequentCall is a call by the SDK, and its input as this package encodes it. The names are those of the fields that it
// does not encode: deprecated fields, and fields without a use in this package.
type frequentCall struct {
	input   any
	call    func(*dynamodb.Client) error
	encode  func() []byte
	without []string
}

func frequentCallsOf(
	put *dynamodb.PutItemInput, remove *dynamodb.DeleteItemInput, get *dynamodb.GetItemInput, query *dynamodb.QueryInput,
) []frequentCall {
	written := []string{
		"Expected", "ConditionalOperator", "ReturnItemCollectionMetrics", "ReturnValues", "ReturnConsumedCapacity",
	}
	return []frequentCall{
		{put, func(c *dynamodb.Client) error {
			_, err := c.PutItem(context.Background(), put)
			return err
		}, func() []byte { return encodePut(put, false) }, written},
		{remove, func(c *dynamodb.Client) error {
			_, err := c.DeleteItem(context.Background(), remove)
			return err
		}, func() []byte { return encodeDelete(remove, false) }, written},
		{get, func(c *dynamodb.Client) error {
			_, err := c.GetItem(context.Background(), get)
			return err
		}, func() []byte { return encodeGet(get, false) }, []string{"AttributesToGet", "ReturnConsumedCapacity"}},
		{query, func(c *dynamodb.Client) error {
			_, err := c.Query(context.Background(), query)
			return err
		}, func() []byte { return encodeQuery(query, false) }, []string{
			"AttributesToGet", "ConditionalOperator", "KeyConditions", "QueryFilter", "ReturnConsumedCapacity",
		}},
	}
}

// TestFrequentInputs holds that inputs have the meaning that the SDK gives them, with any set of their fields.
func TestFrequentInputs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		calls := frequentCallsOf(
			&dynamodb.PutItemInput{}, &dynamodb.DeleteItemInput{}, &dynamodb.GetItemInput{}, &dynamodb.QueryInput{})
		c := rapid.SampledFrom(calls).Draw(t, "call")
		fillInput(t, c)
		var w wire
		_ = c.call(sdkOn(&w))
		require.JSONEq(t, string(w.sent), string(c.encode()))
	})
}

// fillInput sets some of the fields of an input.
func fillInput(t *rapid.T, c frequentCall) {
	v := reflect.ValueOf(c.input).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		isNeeded := slices.Contains([]string{"TableName", "Key", "Item"}, f.Name)
		if !f.IsExported() || slices.Contains(c.without, f.Name) || !isNeeded && !rapid.Bool().Draw(t, "has "+f.Name) {
			continue
		}
		v.Field(i).Set(reflect.ValueOf(anyField(t, f)))
	}
}

// anyField returns a value for a field of an input. A field of another type in a later version of the SDK ends the test.
func anyField(t *rapid.T, f reflect.StructField) any {
	switch f.Type {
	case reflect.TypeFor[*string]():
		return aws.String(anyText().Draw(t, f.Name))
	case reflect.TypeFor[*bool]():
		return aws.Bool(rapid.Bool().Draw(t, f.Name))
	case reflect.TypeFor[*int32]():
		return aws.Int32(rapid.Int32().Draw(t, f.Name))
	case reflect.TypeFor[map[string]string]():
		return rapid.MapOfN(anyText(), anyText(), 0, 3).Draw(t, f.Name)
	case reflect.TypeFor[item]():
		return anyItem(2).Draw(t, f.Name)
	case reflect.TypeFor[types.Select]():
		return types.SelectCount
	case reflect.TypeFor[types.ReturnValuesOnConditionCheckFailure]():
		return types.ReturnValuesOnConditionCheckFailureAllOld
	}
	t.Fatalf("the field %s is not known: encode it, or leave it out", f.Name)
	return nil
}

// anyText also returns texts that JSON escapes.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "a\x00b\x1f", "\"\\/", "<&>", "\u2028\u2029", "ä€😀", "\x7f", "\ufffd", "tab\t\r\n",
	}))
}

func anyItem(depth int) *rapid.Generator[item] {
	return rapid.MapOfN(anyText(), anyValue(depth), 0, 5)
}

// anyValue returns values of all types, nested up to a depth.
func anyValue(depth int) *rapid.Generator[types.AttributeValue] {
	return rapid.Custom(func(t *rapid.T) types.AttributeValue {
		kinds := 8
		if depth > 0 {
			kinds = 10
		}
		texts := rapid.SliceOfN(anyText(), 1, 3)
		content := rapid.SliceOfN(rapid.Byte(), 0, 50)
		switch rapid.IntRange(0, kinds-1).Draw(t, "type") {
		case 0:
			return stringAttr(anyText().Draw(t, "S"))
		case 1:
			return numberAttr(rapid.Int64().Draw(t, "N"))
		case 2:
			return bytesAttr(content.Draw(t, "B"))
		case 3:
			return &types.AttributeValueMemberBOOL{Value: rapid.Bool().Draw(t, "BOOL")}
		case 4:
			return &types.AttributeValueMemberNULL{Value: true}
		case 5:
			return &types.AttributeValueMemberSS{Value: texts.Draw(t, "SS")}
		case 6:
			return &types.AttributeValueMemberNS{Value: []string{strconv.Itoa(rapid.Int().Draw(t, "NS"))}}
		case 7:
			return &types.AttributeValueMemberBS{Value: rapid.SliceOfN(content, 1, 3).Draw(t, "BS")}
		case 8:
			return &types.AttributeValueMemberM{Value: anyItem(depth-1).Draw(t, "M")}
		}
		return &types.AttributeValueMemberL{Value: rapid.SliceOfN(anyValue(depth-1), 0, 3).Draw(t, "L")}
	})
}

// TestFrequentAnswers holds that answers are read as by the SDK.
func TestFrequentAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		i := anyItem(2).Draw(t, "item")
		one := string(appendItem(nil, i))
		w := wire{answer: []byte(`{"Item":` + one + `,"ConsumedCapacity":{"TableName":"t","CapacityUnits":1.5},"New":[{}]}`)}
		want, err := sdkOn(&w).GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String("t"), Key: i})
		require.NoError(t, err)
		got, used, err := decodeGet(w.answer)
		require.NoError(t, err)
		require.Equal(t, want.Item, got.Item)
		require.Equal(t, i, got.Item)
		require.Equal(t, Call{Read: 1.5}, used)

		w.answer = []byte(`{"Items":[` + one + `,{}],"Count":2,"LastEvaluatedKey":` + one + `}`)
		page, err := sdkOn(&w).Query(context.Background(), &dynamodb.QueryInput{TableName: aws.String("t")})
		require.NoError(t, err)
		gotPage, _, err := decodeQuery(w.answer)
		require.NoError(t, err)
		require.Equal(t, page.Items, gotPage.Items)
		require.Equal(t, page.LastEvaluatedKey, gotPage.LastEvaluatedKey)
		require.Equal(t, page.Count, gotPage.Count)
	})
}

// FuzzFrequentAnswers holds that no answer makes the program panic, and that an item which is read is written as it was.
func FuzzFrequentAnswers(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"Item":{}}`, `{"Item":{"a":{"S":"x"},"b":{"L":[{"M":{"c":{"BS":["AA=="]}}}]}}}`, `{"Item":{"a":{}}}`,
		`{"Items":[{"a":{"N":"1"}}],"Count":1,"LastEvaluatedKey":{"a":{"B":""}}}`, `{"Item":null}`, `[]`, ``, `{"Item":{"a":null}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, _, _ = decodeQuery(answer)
		_, _ = decodeWritten(answer)
		got, _, err := decodeGet(answer)
		if err != nil || got.Item == nil {
			return
		}
		again, _, err := decodeGet(slices.Concat([]byte(`{"Item":`), appendItem(nil, got.Item), []byte(`}`)))
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

// The frequent calls ask for the units if somebody observes them.
func TestFrequentCallsAskForUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		encode func(asks bool) []byte
	}{
		{"put", func(asks bool) []byte { return encodePut(&dynamodb.PutItemInput{}, asks) }},
		{"delete", func(asks bool) []byte { return encodeDelete(&dynamodb.DeleteItemInput{}, asks) }},
		{"get", func(asks bool) []byte { return encodeGet(&dynamodb.GetItemInput{}, asks) }},
		{"query", func(asks bool) []byte { return encodeQuery(&dynamodb.QueryInput{}, asks) }},
	} {
		require.JSONEq(t, `{"ReturnConsumedCapacity":"TOTAL"}`, string(c.encode(true)), c.name)
		require.JSONEq(t, `{}`, string(c.encode(false)), c.name)
	}
}
