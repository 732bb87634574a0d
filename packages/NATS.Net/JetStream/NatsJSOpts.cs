using NATS.Client.Core;

namespace NATS.Client.JetStream;

public record NatsJSOpts
{
    public NatsJSOpts(NatsOpts opts, string? apiPrefix = default, string? domain = default, AckOpts? ackOpts = default, TimeSpan? requestTimeout = default)
    {
        if (apiPrefix is not null && domain is not null)
            throw new NatsJSException("Cannot specify both ApiPrefix and Domain.");
        ApiPrefix = apiPrefix ?? "$JS.API";
        Domain = domain;
        RequestTimeout = requestTimeout ?? opts.RequestTimeout;
        DoubleAck = ackOpts?.DoubleAck ?? false;
    }

    public string Prefix => string.IsNullOrEmpty(Domain) ? ApiPrefix : $"$JS.{Domain}.API";

    public string ApiPrefix { get; }

    public string? Domain { get; }

    /// <summary>How long an answer of the JetStream API may take.</summary>
    public TimeSpan RequestTimeout { get; }

    /// <summary>Acks wait for the server's confirmation unless told otherwise.</summary>
    public bool DoubleAck { get; init; }

    public NatsJSConsumeOpts DefaultConsumeOpts { get; init; } = new() { MaxMsgs = 1_000 };

    public NatsJSNextOpts DefaultNextOpts { get; init; } = new();
}
