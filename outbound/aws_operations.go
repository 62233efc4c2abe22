package outbound

import (
	"reflect"
	"strings"
)

// OperationNames returns the operations of an AWS service that an interface declares, as an Observer is notified of them:
// SQS.ReceiveMessage. API is the narrow interface between an adapter and the SDK's client, so that the list follows
// the code. The service ID is the constant ServiceID of the SDK's package.
//
// Adapters make an API of the client's single methods (their newCalls), and do not keep the client. Templates find methods
// by names of the run time, so the linker keeps every exported method of each type that an interface may hold, by itself
// or within another type. The SDK's clients have hundreds, with as many types: 10 MB of the program.
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
