// Package app wires the program: the configuration goes in, a running program comes out.
package app

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	awscodepipeline "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/approval-relay/approval-relay/callback/codepipeline"
	"github.com/approval-relay/approval-relay/callback/lambda"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/notify/ses"
	"github.com/approval-relay/approval-relay/notify/sns"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/sqs"
	"github.com/approval-relay/approval-relay/store/dynamodb"
)

// AWSOperations returns every operation of AWS that the program calls, sorted, as outbound.ObserveCalls names them. Each
// line is the interface through which a package uses the SDK. The metrics count other operations as "other", and an
// alert about them would not name the permission that is missing: a test finds the calls that this list lacks.
func AWSOperations() []string {
	all := slices.Concat(
		outbound.OperationNames[sqs.QueueAPI](awssqs.ServiceID),
		outbound.OperationNames[sqs.DepthAPI](awssqs.ServiceID),
		outbound.OperationNames[subscribedQueueAPI](awssqs.ServiceID),
		outbound.OperationNames[subscribedTopicAPI](awssns.ServiceID),
		outbound.OperationNames[sns.API](awssns.ServiceID),
		outbound.OperationNames[ses.API](sesv2.ServiceID),
		outbound.OperationNames[stepfunctions.API](sfn.ServiceID),
		outbound.OperationNames[lambda.API](awslambda.ServiceID),
		outbound.OperationNames[codepipeline.API](awscodepipeline.ServiceID),
		outbound.OperationNames[dynamodb.API](awsdynamodb.ServiceID),
		outbound.OperationNames[stscreds.AssumeRoleAPIClient](sts.ServiceID),
	)
	slices.Sort(all)
	return slices.Compact(all)
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
	ConfirmSubscription(context.Context, *awssns.ConfirmSubscriptionInput, ...func(*awssns.Options)) (*awssns.ConfirmSubscriptionOutput, error)
}

var (
	_ subscribedQueueAPI = (*awssqs.Client)(nil)
	_ subscribedTopicAPI = (*awssns.Client)(nil)
)
