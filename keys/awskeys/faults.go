package awskeys

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/smithy-go"
)

// MayPass reports whether a call that failed may succeed later: AWS was not reached, did not answer, throttled, or had a
// fault of its own. What AWS refuses, or has and is no key ring, stays as it is.
func MayPass(err error) bool {
	if _, is := errors.AsType[*contentError](err); is {
		return false
	}
	var e smithy.APIError
	if !errors.As(err, &e) {
		return true
	}
	return e.ErrorFault() == smithy.FaultServer || slices.Contains(passingCodes, e.ErrorCode())
}

// passingCodes are the codes of errors that pass, also where the SDK does not know their kind.
var passingCodes = []string{
	"ThrottlingException", "Throttling", "RequestThrottled", "TooManyRequestsException", "LimitExceededException", "SlowDown",
	"InternalServiceError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException",
	"KMSInternalException", "KMSInternal", "DependencyTimeoutException", "DependencyTimeout", "KeyUnavailableException", "KeyUnavailable",
}

// contentError is the error of a secret or file that was read and has no key ring.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// Advice returns what an operator can do about the error of ReadSecret or OpenSealed.
func Advice(err error) string {
	if _, is := errors.AsType[*contentError](err); is {
		return "it must be the whole text of a key file, as `approval-relay keys make` writes it and `approval-relay keys seal` seals it"
	}
	var e smithy.APIError
	if !errors.As(err, &e) {
		if errors.Is(err, context.DeadlineExceeded) {
			return "AWS did not answer: look at the network, the endpoint and the proxy"
		}
		return "look at the credentials, the region, the endpoint and the network"
	}
	if op, is := errors.AsType[*smithy.OperationError](err); is && op.OperationName == "Decrypt" && e.ErrorCode() == accessDenied {
		return "the role of the worker needs kms:Decrypt on the key that seals the file"
	}
	if text := advice[e.ErrorCode()]; text != "" {
		return text
	}
	return "the message of AWS has the reason"
}

const (
	accessDenied   = "AccessDeniedException"
	badCredentials = "the credentials of the worker are not valid here: look at its role"
	keyNotEnabled  = "enable the key in KMS, or cancel its deletion"
	keyElsewhere   = "the key is in another region or account: look at the region of this setting"
)

// advice is about the error codes of the two operations.
var advice = map[string]string{
	accessDenied:                "the role of the worker needs secretsmanager:GetSecretValue on the secret",
	"ResourceNotFoundException": "no secret has this name in the region and account of the credentials",
	"InvalidRequestException":   "the secret may be marked for deletion: restore it",
	"DecryptionFailure":         "the role of the worker needs kms:Decrypt on the key that encrypts the secret",

	"InvalidCiphertextException": "the file is damaged, or it was sealed for another purpose: seal the key file again",
	"IncorrectKeyException":      keyElsewhere,
	"NotFoundException":          keyElsewhere,
	"DisabledException":          keyNotEnabled,
	"KMSInvalidStateException":   keyNotEnabled,

	"InvalidClientTokenId":        badCredentials,
	"UnrecognizedClientException": badCredentials,
	"ExpiredTokenException":       badCredentials,
	"InvalidSignatureException":   badCredentials,
	"IncompleteSignature":         badCredentials,
}
