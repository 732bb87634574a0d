using Connectors.QueueWorker.Callbacks;
using Connectors.QueueWorker.Consuming;
using Connectors.QueueWorker.Dispatching;
using Connectors.QueueWorker.Settling;
using Connectors.Sdk.Hosting;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.QueueWorker;

/// <summary>What an operator may set: the names of the OpenFaaS charts, and ours in the same style. docs/queue-worker.md explains each.</summary>
internal sealed record QueueWorkerOptions
{
    private const string WithoutEffect = "Accepted for compatibility, without effect";

    public required ServiceOptions Service { get; init; }

    public required NatsOptions Nats { get; init; }

    public required string Queue { get; init; }

    public required StreamLimits Limits { get; init; }

    public required ConsumingOptions Consuming { get; init; }

    public required DispatchOptions Dispatch { get; init; }

    public required CallbackOptions Callbacks { get; init; }

    public required HistoryOptions History { get; init; }

    public static QueueWorkerOptions Read(Settings settings)
    {
        var service = ServiceOptions.Read(settings, "queue-worker");
        var options = new QueueWorkerOptions
        {
            Service = service,
            Queue = ReadQueue(settings),
            Nats = NatsOptions.Read(
                settings, service.SecretMountPath, "nats_host", "nats_port", "nats.openfaas", "Host of the NATS server", ("faas_nats_address", "faas_nats_port")),
            Limits = StreamLimits.Read(settings),
            Consuming = ConsumingOptions.Read(settings),
            Dispatch = DispatchOptions.Read(settings),
            Callbacks = CallbackOptions.Read(settings, service.SecretMountPath),
            History = HistoryOptions.Read(settings),
        };
        PassOver(settings);
        return options;
    }

    private static string ReadQueue(Settings settings)
    {
        var channel = settings.Text("faas_nats_channel", StreamNames.DefaultQueue, "Older name of queue_name, used when neither that nor nats_stream is set", StreamNames.QueueName(), StreamNames.QueueRule);
        var stream = settings.Text("nats_stream", channel, "Older name of queue_name, used when that is not set", StreamNames.QueueName(), StreamNames.QueueRule);
        var queue = settings.Text("queue_name", "", $"The queue to take calls from ({StreamNames.QueueRule})", StreamNames.QueueName(), StreamNames.QueueRule);
        return queue.Length > 0 ? queue : stream;
    }

    // What OpenFaaS's workers are told, and this one has no use for.
    private static void PassOver(Settings settings)
    {
        settings.Text("nats_durable", "", $"{WithoutEffect}: consumers are named by their purpose");
        settings.Text("default_function_name", "", $"{WithoutEffect}: every call carries its function's namespace");
        settings.Text("faas_nats_cluster_name", "", $"{WithoutEffect}: NATS Streaming is not used");
        settings.Text("faas_nats_queue_group", "", $"{WithoutEffect}: the workers of a queue share its consumers");
        settings.Text("faas_max_reconnect", "", $"{WithoutEffect}: a lost connection is made anew, however long that takes");
        settings.Text("faas_reconnect_delay", "", $"{WithoutEffect}, as faas_max_reconnect");
        settings.Text("faas_function_suffix", "", $"{WithoutEffect}: function_url says where functions are with direct_functions");
        settings.Text("gateway_invoke", "", $"{WithoutEffect}: direct_functions says whether functions are called without the gateway");
        settings.Text("faas_print_body", "", $"{WithoutEffect}: bodies of calls are never logged");
        settings.Text("basic_auth", "", $"{WithoutEffect}: functions are called without credentials");
    }
}
