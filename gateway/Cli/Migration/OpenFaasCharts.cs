using System.Text.RegularExpressions;

namespace Connectors.Cli.Migration;

/// <summary>The public charts of OpenFaaS and what each of their values is here. A value that stands nowhere below is told to be unknown.</summary>
internal static partial class OpenFaasCharts
{
    public const string Gateway = "gateway";
    public const string Worker = "queue-worker";
    public const string Cron = "cron-connector";
    public const string Kafka = "kafka-connector";
    public const string Sqs = "sqs-connector";
    public const string RabbitMq = "rabbitmq-connector";

    /// <summary>The chart of all core parts; ours for these are <see cref="Gateway"/> and <see cref="Worker"/>.</summary>
    public const string OpenFaas = "openfaas";

    /// <summary>What scales functions here.</summary>
    public const string NotByLoad = "functions start at their first call (scaleFromZero); scaling them by load, and to zero, is left to an autoscaler of the cluster, such as KEDA";

    private const string OneEdition = "there is one edition";
    private const string OfTheProvider = "a setting of the provider, which stays where it is";
    private const string OwnPrometheus = "Prometheus is the cluster's own: podMonitor, prometheusRule and dashboard of each chart are for it";
    private const string OwnNats = "NATS is no part of these charts: install its own";

    public static IReadOnlyDictionary<string, IReadOnlyList<Rule>> Rules { get; } = new Dictionary<string, IReadOnlyList<Rule>>
    {
        [OpenFaas] =
        [
            .. Same(Gateway, "functionNamespace", "basic_auth", "generateBasicAuth", "serviceType", "exposeServices", "async", "ingress", "nats.external.enabled"),
            Renamed("gatewayExternal.annotations", (Gateway, "service.annotations")) with { Switch = "exposeServices", IsOnByDefault = true },
            .. Same(Gateway, "ingress.hosts").Select(rule => rule with { Switch = "ingress.enabled", LeadsElsewhere = IngressHosts.Fault }),
            Gone("ingress.pathType", "each path is a beginning (Prefix)") with { Switch = "ingress.enabled", Refuses = PathTypeFault },
            .. Same(Worker, "allowedCallbackURLs"),
            .. Same(
                Gateway, "gateway.readTimeout", "gateway.writeTimeout", "gateway.scaleFromZero", "gateway.maxIdleConns", "gateway.maxIdleConnsPerHost",
                "gateway.logsProviderURL", "gateway.replicas", "gateway.resources", "gateway.nodePort"),
            .. Same(Gateway, "gateway.topologySpreadConstraints").Select(OfPods),
            Renamed("gateway.upstreamTimeout", (Gateway, "gateway.upstreamTimeout"), (Worker, "upstreamTimeout")),
            Image("gateway.image", Gateway),
            Image("gatewayPro.image", Gateway),
            Gone("gatewayPro", "no profiles are served"),
            Gone("gateway.readinessProbe", "the chart has its own"),
            Gone("gateway.livenessProbe", "the chart has its own"),
            Wish("gateway.directFunctions", "the gateway asks the provider for every call; the worker's calls can go to the functions themselves, by directFunctions of the chart queue-worker"),
            Wish("gateway.probeFunctions", "a function is called when its provider says that it is available"),

            .. Same(Both, "nodeSelector", "tolerations", "imagePullSecrets"),
            .. Same(Both, "affinity").Select(OfPods),
            Renamed("openfaasImagePullPolicy", (Gateway, "imagePullPolicy"), (Worker, "imagePullPolicy")),
            SecuritySwitch,
            Renamed("securityContext", (Gateway, "containerSecurityContext"), (Worker, "containerSecurityContext")),
            Renamed("registryPrefix", (Gateway, "global.imageRegistry"), (Worker, "global.imageRegistry")) with { Note = "the images connectors/gateway and connectors/queue-worker have to be there" },
            Wish("caBundleSecretName", "mount it by extraVolumes and extraVolumeMounts, and name its file in extraEnv.SSL_CERT_FILE"),

            Renamed("nats.channel", (Gateway, "nats.channel"), (Worker, "queueName")),
            Renamed("nats.streamReplication", (Gateway, "nats.streamReplication"), (Worker, "nats.stream.replicas")),
            Renamed("nats.external.host", (Gateway, "nats.external.host"), (Worker, "nats.host")) with { Switch = "nats.external.enabled" },
            Renamed("nats.external.port", (Gateway, "nats.external.port"), (Worker, "nats.port")) with { Switch = "nats.external.enabled" },
            Gone("nats.external.clusterName", "of NATS Streaming, which has ended"),
            Wish("nats.authorization", "put the token into a secret under the key nats-token; set nats.auth.secret to its name and nats.auth.method to token"),
            Gone("nats", OwnNats),
            Gone("stan", "NATS Streaming has ended"),

            Renamed("queueWorker.replicas", (Worker, "replicas")),
            Renamed("queueWorker.ackWait", (Worker, "nats.consumer.ackWait")) with { Spares = NoLease },
            Renamed("queueWorker.maxInflight", (Worker, "maxInflight")),
            Renamed("queueWorker.resources", (Worker, "resources")),
            Image("queueWorker.image", Worker),
            Gone("queueWorker.queueGroup", "of NATS Streaming, which has ended"),
            Image("queueWorkerPro.image", Worker),
            Renamed("queueWorkerPro.maxInflight", (Worker, "maxInflight")),
            Renamed("queueWorkerPro.maxRetryAttempts", (Worker, "maxRetryAttempts")),
            Renamed("queueWorkerPro.maxRetryWait", (Worker, "maxRetryWait")),
            Renamed("queueWorkerPro.initialRetryWait", (Worker, "initialRetryWait")),
            Renamed("queueWorkerPro.httpRetryCodes", (Worker, "httpRetryCodes")),
            Renamed("queueWorkerPro.backoff", (Worker, "backoff")),
            Renamed("queueWorkerPro.insecureTLS", (Worker, "insecureTLS")),
            Wish("queueWorkerPro.printRequestBody", "bodies are never logged"),
            Wish("queueWorkerPro.printResponseBody", "bodies are never logged"),
            Image("jetstreamQueueWorker.image", Worker),
            Renamed("jetstreamQueueWorker.mode", (Worker, "mode")),
            Renamed("jetstreamQueueWorker.adaptiveConcurrency", (Worker, "adaptiveConcurrency")),
            Renamed("jetstreamQueueWorker.consumer", (Worker, "consumer")),
            Renamed("jetstreamQueueWorker.allowedCallbackURLs", (Worker, "allowedCallbackURLs")),
            Renamed("jetstreamQueueWorker.logs", (Worker, "logs")),
            OfPods(Renamed("jetstreamQueueWorker.topologySpreadConstraints", (Worker, "topologySpreadConstraints"))),
            Gone("jetstreamQueueWorker.durableName", "consumers have fixed names"),
            Gone("jetstreamQueueWorker.pprof", "no profiles are served"),
            Gone("queueMode", "there is one kind of queue"),

            Gone("openfaasPro", OneEdition),
            Gone("oem", OneEdition),
            Gone("license", OneEdition),
            .. Gone(OfTheProvider, "functions", "faasnetes", "faasnetesPro", "faasnetesOem", "operator", "httpProbe", "clusterRole", "createCRDs", "rbac", "psp", "kubernetesDNSDomain", "k8sVersion"),
            Gone("k8sVersionOverride", "an Ingress is networking.k8s.io/v1 in every cluster"),
            Gone("basicAuthPlugin", "the gateway asks for basic auth itself"),
            Gone("ingressOperator", "it stays where it is; point its routes at this gateway's service"),
            Gone("prometheus", OwnPrometheus),
            Gone("dashboard", "the gateway has a page of its own, at /ui/, with names and passwords; the chart's own dashboard.enabled is a dashboard for Grafana") with { Switch = "dashboard.enabled" },
            Wish("autoscaler", NotByLoad) with { IsPro = true, Switch = "autoscaler.enabled", IsOnByDefault = true },
            Wish("alertmanager", $"it had functions of the Community Edition scaled (/system/alert): {NotByLoad}") with { IsPro = false, Switch = "alertmanager.create", IsOnByDefault = true },
            Wish("eventSubscription.metering", "calls are counted by metrics; no webhook tells of them") with { Switch = "eventSubscription.metering.enabled" },
            Wish("eventSubscription.auditing", "the gateway's log tells of deploys; no webhook does") with { Switch = "eventSubscription.auditing.enabled" },
            Wish("eventSubscription", "no webhooks are sent"),
            Wish("eventWorker", "no webhooks are sent"),
            Wish("iam", "there are basic auth and Kubernetes' own rules, no tokens") with { Switch = "iam.enabled" },
            Wish("oidcAuthPlugin", "put a proxy that signs people in before the gateway's /system") with { Switch = "oidcAuthPlugin.enabled" },
            Wish("istio.mtls", "ask for it in a PeerAuthentication of your own"),
            Gone("istio", "of the mesh; podAnnotations and podLabels are there for it"),
        ],
        [Worker] =
        [
            .. Same(
                Worker, "replicas", "mode", "maxInflight", "adaptiveConcurrency", "queuePartitions", "partition", "upstreamTimeout", "maxRetryAttempts",
                "initialRetryWait", "maxRetryWait", "httpRetryCodes", "backoff", "gateway.host", "gateway.port", "nats.host", "nats.port", "nats.stream.replicas",
                "consumer", "insecureTLS", "allowedCallbackURLs", "logs", "resources"),
            .. Same(Worker, "queueName", "nats.stream.name").Select(rule => rule with { Refuses = QueueNameFault }),
            .. Same(Worker, "nats.consumer.ackWait").Select(rule => rule with { Spares = NoLease }),
            Gone("nats.consumer.durableName", "consumers have fixed names"),
            Image("image", Worker),
            .. Usual(Worker),
        ],
        [Cron] =
        [
            .. Same(Cron, "asyncInvocation", "contentType", "rebuildInterval", "gatewayURL", "basicAuth", "logs", "resources"),
            Gone("openfaasPro", OneEdition),
            Image("pro.image", Cron),
            Image("image", Cron),
            .. Same(Cron, "iam.resource").Select(rule => rule with { Switch = "iam.enabled", Refuses = ResourceFault }),
            .. Same(Cron, "iam.enabled").Select(rule => rule with { Switch = "iam.enabled", Note = "for iam.resource" }),
            Gone("iam", "the function list is asked for with basic auth, not with tokens"),
            .. Usual(Cron),
        ],
        [Kafka] =
        [
            .. Same(
                Kafka, "replicas", "topics", "brokerHosts", "brokerHost", "group", "initialOffset", "maxBytes", "sessionLogging", "gatewayURL", "basic_auth", "upstreamTimeout",
                "rebuildInterval", "asyncInvocation", "contentType", "printRequestBody", "printResponse", "printResponseBody", "tls", "saslAuth", "saslMechanism",
                "brokerUsernameSecret", "brokerPasswordSecret", "caSecret", "certSecret", "keySecret", "logs", "resources"),
            Renamed("sasl", (Kafka, "saslAuth")),
            Image("image", Kafka),
            .. Usual(Kafka),
        ],
        [Sqs] =
        [
            .. Same(
                Sqs, "replicas", "awsDefaultRegion", "awsRegion", "awsCredentialsSecret", "visibilityTimeout", "waitTime", "maxMessages", "gatewayURL", "basic_auth",
                "upstreamTimeout", "rebuildInterval", "asyncInvocation", "contentType", "printRequestBody", "printResponse", "printResponseBody", "logs", "resources"),
            .. Same(Sqs, "queueURL").Select(rule => rule with { Refuses = QueueUrlFault }),
            Gone("topics", "a queue's name is its topic"),
            Image("image", Sqs),
            .. Usual(Sqs),
        ],
        [RabbitMq] =
        [
            .. Same(
                RabbitMq, "replicas", "queues", "gatewayURL", "basic_auth", "upstreamTimeout", "rebuildInterval", "asyncInvocation", "contentType", "printRequestBody",
                "printResponse", "printResponseBody", "rabbitmqUsernameSecret", "rabbitmqPasswordSecret", "caSecret", "certSecret", "keySecret", "logs", "resources"),
            .. Same(RabbitMq, "rabbitmqURL").Select(rule => rule with { Refuses = RabbitMqUrlFault }),
            Gone("topics", "a queue's name is its topic"),
            SecuritySwitch,
            Renamed("securityContext", (RabbitMq, "containerSecurityContext")),
            Image("image", RabbitMq),
            .. Usual(RabbitMq),
        ],
    };

    private static string[] Both => [Gateway, Worker];

    // Older charts have true or false where newer ones have a mapping.
    private static Rule SecuritySwitch => Gone("securityContext", "containers are confined as it asks: another user than root, a root filesystem that nobody writes to") with
    {
        IsAlone = true,
        Refuses = value => value is "true" or "True" or "TRUE" ? null : "containers are always confined; podSecurityContext and containerSecurityContext say what is to be otherwise",
    };

    private static IEnumerable<Rule> Usual(string chart) =>
        [.. Same(chart, "fullnameOverride", "nameOverride", "imagePullPolicy", "imagePullSecrets", "nodeSelector", "tolerations"), .. Same(chart, "affinity").Select(OfPods)];

    private static Rule OfPods(Rule rule) => rule with { Relabels = PodLabels.Rename };

    private static IEnumerable<Rule> Same(string chart, params string[] keys) => Same([chart], keys);

    private static IEnumerable<Rule> Same(string[] charts, params string[] keys) =>
        keys.Select(key => new Rule(key, Fate.Same, "") { To = [.. charts.Select(chart => new Target(chart, key.Split('.')))] });

    private static Rule Renamed(string key, params (string Chart, string Key)[] to) => new(key, Fate.Renamed, "") { To = [.. to.Select(t => new Target(t.Chart, t.Key.Split('.')))] };

    private static Rule Gone(string key, string why) => new(key, Fate.NotNeeded, why);

    private static IEnumerable<Rule> Gone(string why, params string[] keys) => keys.Select(key => Gone(key, why));

    // Not needed where it is off.
    private static Rule Wish(string key, string why) => new(key, Fate.NotPossible, why);

    private static Rule Image(string key, string chart) => new(key, Fate.Renamed, "") { To = [new(chart, ["image"])], Refuses = image => ImageFault(image, chart) };

    private static string? ImageFault(string image, string chart) => OwnImage().Match(image) is { Success: true } own && own.Groups[1].Value == chart
        ? null
        : $"{image} is another owner's image: it neither takes these settings nor knows this queue, and its licence is not ours to pass on. The chart has its own, connectors/{chart}";

    private static string? PathTypeFault(string type) => type is "Prefix" or "ImplementationSpecific"
        ? null
        : $"{type}: each path is a beginning (Prefix); for another kind leave ingress.enabled off, and make an Ingress of your own";

    private static string? QueueUrlFault(string url) =>
        url.Trim() is "https://" or "http://" ? "the address of a queue is needed, such as https://sqs.eu-west-1.amazonaws.com/000000000000/orders" : null;

    private static string? RabbitMqUrlFault(string url) =>
        url.StartsWith("amqp://", StringComparison.Ordinal) || url.StartsWith("amqps://", StringComparison.Ordinal) ? null : "the address of a broker is needed, such as amqp://rabbitmq:5672";

    private static string? ResourceFault(string resources) => resources.Split(',').FirstOrDefault(resource => !Resource().IsMatch(resource)) is { } odd
        ? $"{odd} is neither a namespace such as dev:* nor * for all; single functions cannot be chosen: take the annotation \"topic: cron-function\" from the others"
        : null;

    // In the Community Edition it bounds a call, and is set as long as the longest may take.
    private static string? NoLease(string ackWait) =>
        Inputs.TryDuration(ackWait, out var lease) && lease >= TimeSpan.FromSeconds(1) && lease <= TimeSpan.FromMinutes(2)
            ? null
            : $"{ackWait}: upstreamTimeout bounds a call; here it says how soon a dead worker is noticed, and its calls stand still that long: the chart's 30s stay";

    private static string? QueueNameFault(string name) =>
        Inputs.IsQueueName(name) ? null : $"a queue's name is {Inputs.QueueNameRule}";

    // On whatever registry, with or without a tag.
    [GeneratedRegex(@"(?:^|/)connectors/([a-z-]+)(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?\z")]
    private static partial Regex OwnImage();

    [GeneratedRegex(@"^(\*|\*:\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?:\*)\z")]
    private static partial Regex Resource();
}
