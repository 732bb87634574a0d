using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Sqs.Queues;
using Connectors.Sqs.Settling;

namespace Connectors.Sqs;

/// <summary>What an operator may set: the names of OpenFaaS's sqs-connector, and ours in the same style. docs/sqs.md explains each.</summary>
internal sealed record SqsOptions
{
    // Each look is a request that is paid for.
    private static readonly TimeSpan MinDepthInterval = TimeSpan.FromSeconds(1);

    // Looked at by quarters, and each is a request.
    private static readonly TimeSpan MinRenewal = TimeSpan.FromMilliseconds(100);

    public required ServiceOptions Service { get; init; }

    public required ConnectorOptions Connector { get; init; }

    public required IReadOnlyList<QueueAddress> Queues { get; init; }

    /// <summary>Credentials in ini form; empty for the AWS SDK's own chain.</summary>
    public required string CredentialsFile { get; init; }

    /// <summary>How long a received message stays hidden from others unless that is renewed; whole seconds.</summary>
    public required TimeSpan VisibilityTimeout { get; init; }

    /// <summary>Time between two renewals of it.</summary>
    public required TimeSpan VisibilityRenewal { get; init; }

    /// <summary>How long an empty queue keeps a receive waiting; whole seconds.</summary>
    public required TimeSpan WaitTime { get; init; }

    /// <summary>The most messages of one receive.</summary>
    public required int MaxMessages { get; init; }

    public required FailurePolicy Failure { get; init; }

    /// <summary>Time between two looks at how many messages a queue has; zero for never.</summary>
    public required TimeSpan DepthInterval { get; init; }

    public static SqsOptions Read(Settings settings)
    {
        var visibility = settings.Duration(
            "visibility_timeout", TimeSpan.FromSeconds(30), "How soon a message comes back when this process dies; renewed while a function runs", TimeSpan.FromSeconds(1), Queue.MaxHiding);
        var renewal = settings.Duration("visibility_renewal", TimeSpan.Zero, "Time between two renewals of it; 0 for a third of visibility_timeout", TimeSpan.Zero, Queue.MaxHiding);
        var options = new SqsOptions
        {
            Queues = ReadQueues(settings),
            CredentialsFile = settings.Text(
                "AWS_SHARED_CREDENTIALS_FILE",
                "",
                "Credentials in ini form with a [default] section, re-read when it changes; unset for the AWS SDK's own chain (environment, web identity, container, instance)"),
            VisibilityTimeout = visibility,
            VisibilityRenewal = renewal == TimeSpan.Zero ? visibility / 3 : renewal,
            WaitTime = settings.Duration("wait_time", TimeSpan.FromSeconds(20), "How long a receive waits for a message (SQS long poll)", TimeSpan.Zero, TimeSpan.FromSeconds(20)),
            MaxMessages = settings.Number("max_messages", 10, "The most messages of one receive; those of a FIFO queue come one by one", 1, 10),
            Failure = ReadFailure(settings),
            DepthInterval = settings.Duration(
                "depth_interval",
                TimeSpan.FromSeconds(30),
                "Time between two looks at how many messages a queue has (needs sqs:GetQueueAttributes); 0 for never",
                TimeSpan.Zero,
                TimeSpan.FromHours(24)),
            Connector = ConnectorOptions.Read(settings, Defaults),
            Service = ServiceOptions.Read(settings, "sqs-connector"),
        };
        options.Check(settings);
        return options;
    }

    private static ConnectorOptions Defaults => new()
    {
        GatewayUrl = new Uri("http://gateway.openfaas:8080"),
        UpstreamTimeout = TimeSpan.FromSeconds(30),
        RebuildInterval = TimeSpan.FromSeconds(30),
        ContentType = "text/plain",
        BasicAuth = true,
    };

    private static List<QueueAddress> ReadQueues(Settings settings)
    {
        var named = settings.Text("AWS_REGION", "", "Region of queues whose address does not name one");
        var fallback = settings.Text("AWS_DEFAULT_REGION", "eu-west-1", "The same, unless AWS_REGION is set");
        var endpoint = settings.Url("AWS_ENDPOINT_URL_SQS", "", "Send requests there instead of to the host of queue_url");
        var queues = new List<QueueAddress>();
        foreach (var text in settings.List("queue_url", "", "Addresses of the queues, separated by commas; a queue's name is its topic"))
        {
            if (QueueAddress.TryParse(text, named.Length > 0 ? named : fallback, endpoint) is { } queue)
            {
                queues.Add(queue);
            }
            else
            {
                settings.Fault("queue_url", "addresses such as https://sqs.eu-west-1.amazonaws.com/123456789012/orders, separated by commas");
                return queues;
            }
        }

        return queues;
    }

    private static FailurePolicy ReadFailure(Settings settings) => new()
    {
        OnFailure = settings.Choice(
            "on_failure", OnFailure.BackOff, "What becomes of a message that a function did not take: back_off (comes back later), release (at once) or delete"),
        MinWait = settings.Duration(
            "initial_retry_wait", TimeSpan.FromSeconds(1), "back_off: wait after the first receive, doubled for each further one", TimeSpan.Zero, Queue.MaxHiding),
        MaxWait = settings.Duration("max_retry_wait", TimeSpan.FromSeconds(120), "back_off: longest wait", TimeSpan.Zero, Queue.MaxHiding),
        BackOff = settings.Choice("backoff", BackOffKind.Equal, "How waits are spread: exponential (not), full (0 to 100 %) or equal (50 to 100 %)"),
    };

    private void Check(Settings settings)
    {
        if (Queues.Count == 0 && settings.Errors.Count == 0)
        {
            settings.Fault("queue_url", "the address of at least one queue");
        }

        if (Queues.GroupBy(q => q.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            settings.Fault("queue_url", $"queues of different names, which are their topics; \"{twice.Key}\" is there twice");
        }

        foreach (var (name, value) in new[] { ("visibility_timeout", VisibilityTimeout), ("wait_time", WaitTime) })
        {
            if (value.Ticks % TimeSpan.TicksPerSecond != 0)
            {
                settings.Fault(name, "whole seconds, which is all that SQS knows");
            }
        }

        if (DepthInterval > TimeSpan.Zero && DepthInterval < MinDepthInterval)
        {
            settings.Fault("depth_interval", "at least 1s, or 0 for never");
        }

        if (VisibilityRenewal < MinRenewal || VisibilityRenewal >= VisibilityTimeout)
        {
            settings.Fault("visibility_renewal", "at least 100ms and shorter than visibility_timeout, or 0 for a third of that");
        }

        if (Failure.MaxWait < Failure.MinWait)
        {
            settings.Fault("max_retry_wait", "no shorter than initial_retry_wait");
        }

        if (Connector.UpstreamTimeout >= Queue.MaxHiding)
        {
            settings.Fault("upstream_timeout", "shorter than 12h, for which SQS holds a message at most");
        }
    }
}
