package outbound

import (
	"reflect"
	"strings"
)

// OperationNames returns the operations of an AWS service that an interface declares, as an Observer is notified of them:
// SQS.ReceiveMessage. API is the narrow interface between an adapter and the SDK's client, so that the list follows
// the code. The service ID is the constant ServiceID of the SDK's package.
func OperationNames[API any](serviceID string) []string {
	api := reflect.TypeFor[API]()
	operations := make([]string, api.NumMethod())
	for i := range operations {
		operations[i] = operationName(serviceID, api.Method(i).Name)
	}
	return operations
}

// operationName returns the name of an operation: the service ID without spaces, a dot, and the SDK's method.
func operationName(serviceID, method string) string {
	return strings.ReplaceAll(serviceID, " ", "") + "." + method
}

// Results of a call to AWS.
const (
	resultOK        = "ok"
	resultThrottled = "throttled"
	resultDenied    = "denied"  // AWS refused the credentials, or there were none
	resultRefused   = "refused" // any other 4xx
	resultFailed    = "failed"  // 5xx, or no answer
)

// Results returns every result of a call that an Observer is notified of.
func Results() []string {
	return []string{resultOK, resultThrottled, resultDenied, resultRefused, resultFailed}
}
