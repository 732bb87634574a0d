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
        return new QueueWorkerOptions
        {
            Service = service,
            Queue = ReadQueue(settings),
            Nats = NatsOptions.Read(settings, service.SecretMountPath, "nats_host", "nats_port", "nats.openfaas", "Host of the NATS server"),
            Limits = StreamLimits.Read(settings),
            Consuming = ConsumingOptions.Read(settings),
            Dispatch = DispatchOptions.Read(settings),
            Callbacks = CallbackOptions.Read(settings, service.SecretMountPath),
            History = HistoryOptions.Read(settings),
        };
    }

    private static string ReadQueue(Settings settings)
    {
        var stream = settings.Text("nats_stream", StreamNames.DefaultQueue, "Older name of queue_name, used when that is not set", StreamNames.QueueName(), StreamNames.QueueRule);
        _ = settings.Text("nats_durable", "", "Accepted and not used: consumers are named by their purpose");
        _ = settings.Text("default_function_name", "", "Accepted and not used: every call carries its function's namespace");
        var queue = settings.Text("queue_name", "", $"The queue to take calls from ({StreamNames.QueueRule})", StreamNames.QueueName(), StreamNames.QueueRule);
        return queue.Length > 0 ? queue : stream;
    }
}
