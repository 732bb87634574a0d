namespace Connectors.Cli.Tests;

/// <summary>All that the public charts of OpenFaaS list in their own values files, and READMEs.</summary>
public static class PublicValues
{
    public static TheoryData<string, string> All => new()
    {
        {
            "openfaas",
            """
            functionNamespace openfaasPro oem httpProbe clusterRole createCRDs rbac psp basic_auth generateBasicAuth securityContext.runAsUser exposeServices serviceType async
            openfaasImagePullPolicy caBundleSecretName registryPrefix imagePullSecrets functions.imagePullPolicy functions.httpProbe functions.setNonRootUser functions.readinessProbe.periodSeconds
            gateway.image gateway.readTimeout gateway.writeTimeout gateway.upstreamTimeout gateway.replicas gateway.scaleFromZero gateway.nodePort gateway.maxIdleConns gateway.maxIdleConnsPerHost
            gateway.directFunctions gateway.logsProviderURL gateway.probeFunctions gateway.resources.requests.memory gateway.readinessProbe.periodSeconds gateway.livenessProbe.periodSeconds
            gateway.topologySpreadConstraints gatewayPro.image gatewayPro.pprof faasnetes.resources.requests.cpu faasnetes.readTimeout operator.create operator.image
            nats.channel nats.streamReplication nats.external.enabled nats.external.clusterName nats.external.host nats.external.port nats.image nats.resources.requests.cpu nats.metrics.enabled
            stan.image queueWorker.image queueWorker.replicas queueWorker.queueGroup queueWorker.ackWait queueWorker.resources.requests.cpu queueWorker.maxInflight
            queueWorkerPro.image queueWorkerPro.maxRetryAttempts queueWorkerPro.maxRetryWait queueWorkerPro.initialRetryWait queueWorkerPro.httpRetryCodes queueWorkerPro.insecureTLS
            queueWorkerPro.printRequestBody queueWorkerPro.printResponseBody queueWorkerPro.maxInflight queueWorkerPro.backoff
            jetstreamQueueWorker.image jetstreamQueueWorker.mode jetstreamQueueWorker.adaptiveConcurrency jetstreamQueueWorker.consumer.inactiveThreshold jetstreamQueueWorker.consumer.pullMaxMessages
            jetstreamQueueWorker.durableName jetstreamQueueWorker.logs.debug jetstreamQueueWorker.logs.format jetstreamQueueWorker.pprof jetstreamQueueWorker.topologySpreadConstraints
            gatewayExternal.annotations faasnetesPro.image faasnetesPro.logs.debug faasnetesOem.image basicAuthPlugin.replicas k8sVersionOverride
            autoscaler.enabled autoscaler.defaultTarget autoscaler.replicas alertmanager.create prometheus.create prometheus.retention.time prometheus.recordingRules
            eventSubscription.endpoint eventSubscription.metering.enabled eventSubscription.metering.defaultRAM eventSubscription.auditing.httpVerbs eventWorker.image
            iam.enabled iam.systemIssuer.url iam.dashboardIssuer.clientId iam.kubernetesIssuer.create kubernetesDNSDomain dashboard.enabled dashboard.publicURL dashboard.publicURLGateway
            oidcAuthPlugin.enabled oidcAuthPlugin.image ingress.enabled ingress.hosts ingress.tls ingressOperator.create istio.mtls nodeSelector.disk tolerations affinity.nodeAffinity k8sVersion queueMode
            """
        },
        {
            "queue-worker",
            """
            image imagePullPolicy replicas queueName mode maxInflight adaptiveConcurrency queuePartitions partition upstreamTimeout maxRetryAttempts initialRetryWait maxRetryWait httpRetryCodes backoff
            gateway.host gateway.port nats.host nats.port nats.stream.name nats.stream.replicas nats.consumer.ackWait nats.consumer.durableName consumer.inactiveThreshold consumer.pullMaxMessages
            insecureTLS logs.debug logs.format resources.requests.cpu nodeSelector.disk tolerations affinity.nodeAffinity fullnameOverride nameOverride
            """
        },
        {
            "kafka-connector",
            """
            image replicas topics brokerHosts brokerHost group initialOffset maxBytes sessionLogging gatewayURL basic_auth upstreamTimeout rebuildInterval asyncInvocation contentType printRequestBody printResponse
            printResponseBody tls saslAuth sasl brokerUsernameSecret brokerPasswordSecret caSecret certSecret keySecret logs.debug logs.format resources.requests.cpu nodeSelector.disk tolerations affinity.a
            fullnameOverride nameOverride
            """
        },
        {
            "cron-connector",
            "openfaasPro pro.image image logs.debug logs.format asyncInvocation contentType rebuildInterval gatewayURL basicAuth iam.enabled iam.systemIssuer.url iam.resource resources.requests.cpu nodeSelector.disk tolerations affinity.a"
        },
        {
            "sqs-connector",
            """
            queueURL awsDefaultRegion awsRegion awsCredentialsSecret visibilityTimeout waitTime maxMessages replicas upstreamTimeout rebuildInterval asyncInvocation contentType printRequestBody printResponse
            printResponseBody gatewayURL basic_auth logs.debug logs.format resources.requests.cpu topics image nodeSelector.disk tolerations affinity.a fullnameOverride nameOverride
            """
        },
        {
            "rabbitmq-connector",
            """
            topics rabbitmqURL queues image replicas logs.debug logs.format upstreamTimeout rebuildInterval asyncInvocation contentType printRequestBody printResponse printResponseBody gatewayURL basic_auth
            resources.requests.memory nodeSelector.disk tolerations affinity.a securityContext rabbitmqUsernameSecret rabbitmqPasswordSecret caSecret certSecret keySecret fullnameOverride nameOverride
            """
        },
    };
}
