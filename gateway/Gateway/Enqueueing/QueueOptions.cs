using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Nats;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>Where async calls go and what of them is refused.</summary>
internal sealed record QueueOptions
{
    /// <summary>What is said of async calls while <see cref="Nats"/> names no server.</summary>
    public const string Off = "Async calls are off: faas_nats_address is not set, or async is false.";

    /// <summary>Names no server when async calls are off.</summary>
    public required NatsOptions Nats { get; init; }

    public required string DefaultQueue { get; init; }

    public required TimeSpan PublishTimeout { get; init; }

    public required StreamLimits Limits { get; init; }

    public required int MaxBodyBytes { get; init; }

    /// <summary>How far ahead a caller may ask for a call to run.</summary>
    public required TimeSpan MaxDelay { get; init; }

    /// <summary>For how long a caller may ask to have its result kept.</summary>
    public required TimeSpan MaxResultAge { get; init; }

    public required CallApiAuth CallApiAuth { get; init; }

    public static QueueOptions Read(Settings settings, string secretMountPath)
    {
        var nats = NatsOptions.Read(settings, secretMountPath, "faas_nats_address", "faas_nats_port", "", "Host of the NATS server; unset turns async calls off");
        var isOn = settings.Flag("async", true, "Take async calls; false turns them off, as if faas_nats_address were unset");
        return new QueueOptions
        {
            Nats = isOn ? nats : nats with { Host = "" },
            DefaultQueue = settings.Text(
                "faas_nats_channel", StreamNames.DefaultQueue, "Queue of functions without com.openfaas.queue", StreamNames.QueueName(), StreamNames.QueueRule),
            PublishTimeout = settings.Duration(
                "nats_publish_timeout", TimeSpan.FromSeconds(2), "How long an async call may wait to be stored before it gets 503", TimeSpan.FromMilliseconds(10)),
            Limits = StreamLimits.Read(settings),
            MaxBodyBytes = settings.Number("max_body_bytes", 1_000_000, "Largest body of an async call in bytes; NATS's max_payload less 47 KiB also holds", 1, 64 * 1024 * 1024),
            MaxDelay = settings.Duration("max_delay", DueTime.Max, "How far ahead X-Delay and X-Not-Before may be", TimeSpan.Zero, DueTime.Max),
            MaxResultAge = settings.Duration(
                "result_max_age", BucketShape.MaxResultAge, "How long X-Store-Result may have a result kept", TimeSpan.FromSeconds(1), BucketShape.MaxResultAge),
            CallApiAuth = settings.Choice("call_api_auth", CallApiAuth.None, "Who may read a call's result and cancel it by its id: none (whoever knows the id) or basic (the credentials of /system/)"),
        };
    }
}

/// <summary>Who may use a call's id.</summary>
internal enum CallApiAuth
{
    /// <summary>Whoever knows it.</summary>
    None,

    /// <summary>Whoever has the gateway's credentials.</summary>
    Basic,
}
