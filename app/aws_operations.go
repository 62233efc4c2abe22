// Package app wires the program: the configuration goes in, a running program comes out.
package app

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys/awskeys"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/s3"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store/dynamodb"
)

// AWSOperations returns every operation of AWS that the program calls, sorted, as outbound.ObserveCalls names them.
// The metrics count other operations as "other", and an alert about them would not name the permission that is
// missing: a test finds the calls that this list lacks.
func AWSOperations() []string {
	all := slices.Concat(
		adapterOperations(config.ChannelKinds()),
		adapterOperations(config.TargetKinds()),
		outbound.OperationNames[sqs.QueueAPI](awssqs.ServiceID),
		outbound.OperationNames[sqs.DepthAPI](awssqs.ServiceID),
		outbound.OperationNames[subscribedQueueAPI](awssqs.ServiceID),
		outbound.OperationNames[subscribedTopicAPI](awssns.ServiceID),
		outbound.OperationNames[dynamodb.API](awsdynamodb.ServiceID),
		[]string{s3.Operation, s3.HeadOperation},
		outbound.OperationNames[awskeys.SecretAPI](secretsmanager.ServiceID),
		outbound.OperationNames[awskeys.OpenAPI](kms.ServiceID),
		outbound.OperationNames[awskeys.SealAPI](kms.ServiceID),
		outbound.OperationNames[stscreds.AssumeRoleAPIClient](sts.ServiceID),
	)
	slices.Sort(all)
	return slices.Compact(all)
}

// adapterOperations returns the operations that adapters of these kinds call.
func adapterOperations[S any](kinds []config.Kind[S]) []string {
	var operations []string
	for _, kind := range kinds {
		if caller, ok := any(kind.New()).(setup.AWSCaller); ok {
			operations = append(operations, caller.AWSOperations()...)
		}
	}
	return operations
}

// subscribedQueueAPI is the slice of the SDK's SQS client that Watermill's SNS subscriber uses to make a queue and to
// let a topic send to it.
type subscribedQueueAPI interface {
	CreateQueue(context.Context, *awssqs.CreateQueueInput, ...func(*awssqs.Options)) (*awssqs.CreateQueueOutput, error)
	GetQueueUrl(context.Context, *awssqs.GetQueueUrlInput, ...func(*awssqs.Options)) (*awssqs.GetQueueUrlOutput, error)
	GetQueueAttributes(context.Context, *awssqs.GetQueueAttributesInput, ...func(*awssqs.Options)) (*awssqs.GetQueueAttributesOutput, error)
	SetQueueAttributes(context.Context, *awssqs.SetQueueAttributesInput, ...func(*awssqs.Options)) (*awssqs.SetQueueAttributesOutput, error)
}

// subscribedTopicAPI is the slice of the SDK's SNS client by which a queue or a URL is subscribed to a topic.
type subscribedTopicAPI interface {
	Subscribe(context.Context, *awssns.SubscribeInput, ...func(*awssns.Options)) (*awssns.SubscribeOutput, error)
	ConfirmSubscription(
		context.Context, *awssns.ConfirmSubscriptionInput, ...func(*awssns.Options),
	) (*awssns.ConfirmSubscriptionOutput, error)
}

var (
	_ subscribedQueueAPI = (*awssqs.Client)(nil)
	_ subscribedTopicAPI = (*awssns.Client)(nil)
)
