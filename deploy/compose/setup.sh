#!/usr/bin/env bash
# Makes in the emulator what deploy/terraform makes in AWS, under the same names. The
# emulator runs it once it is ready.
set -euo pipefail
region=us-east-1 account=000000000000

for name in orders-requests orders-decisions; do
  awslocal sqs create-queue --queue-name "$name-dlq" >/dev/null
  awslocal sqs create-queue --queue-name "$name" >/dev/null --attributes \
    '{"RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:'"$region:$account:$name"'-dlq\",\"maxReceiveCount\":\"100\"}"}'
done
topic=$(awslocal sns create-topic --name orders-decisions --query TopicArn --output text)
awslocal sns subscribe --topic-arn "$topic" --protocol sqs --notification-endpoint "arn:aws:sqs:$region:$account:orders-decisions" >/dev/null

requests=$(awslocal sqs get-queue-url --queue-name orders-requests --query QueueUrl --output text)
for language in jsonpath jsonata; do
  definition=$(sed "s|\${queue_url}|$requests|" "${DEFINITIONS:-/definitions}/$language.asl.json")
  awslocal stepfunctions create-state-machine --name "orders-$language" --role-arn "arn:aws:iam::$account:role/orders" --definition "$definition" >/dev/null
done
echo "queues, topic and state machines are there"
