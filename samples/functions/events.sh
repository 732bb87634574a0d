# Shows the event that it was sent: topic and connector, the source's own headers, the body.
env | grep -E '^Http_X_(Topic|Connector|Kafka_|Rabbitmq_|Sqs_)' | sort
cat
