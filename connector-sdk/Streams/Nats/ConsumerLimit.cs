using Connectors.Streams.Records;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>
/// How many consumers a stream may have. From 2.15 on a server gives one that names no number a number of its own (<c>default_max_consumers</c>, 1,000 unless set),
/// of which the stream tells nothing; a stream with a consumer for each function with work names one that is far away.
/// </summary>
internal static class ConsumerLimit
{
    // That a stream's number cannot be changed, which a server says before 2.14.
    private const int InvalidConfig = 10052;

    /// <summary>Creates a stream.</summary>
    public static async Task<StreamInfo> CreateAsync(NatsLink link, StreamShape shape, CancellationToken ct)
    {
        var config = StreamSetup.ConfigOf(shape);
        try
        {
            return (await link.JetStream.CreateStreamAsync(config with { MaxConsumers = Needed(link, shape) }, ct)).Info;
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode == ConsumerSetup.TooManyConsumers)
        {
            // The account allows fewer, and as many as it does if the stream names no number.
            return (await link.JetStream.CreateStreamAsync(config, ct)).Info;
        }
    }

    /// <summary>Has a stream that was found name a number, unless it does: whatever it is, an operator wants it.</summary>
    public static async Task<StreamInfo> RaiseAsync(NatsLink link, StreamShape shape, StreamInfo found, CancellationToken ct)
    {
        if (found.Config.MaxConsumers > 0 || Needed(link, shape) == 0)
        {
            return found;
        }

        try
        {
            var raised = (await link.JetStream.UpdateStreamAsync(found.Config with { MaxConsumers = shape.MaxConsumers }, ct)).Info.Config;
            Log.ConsumersRaised(link.Logger, shape.Name, shape.MaxConsumers);
            return found with { Config = raised };
        }
        catch (NatsJSApiException fault) when (fault.Error.ErrCode is ConsumerSetup.TooManyConsumers or InvalidConfig)
        {
            // The account allows fewer, which hold then, or the cluster's leader is older than the server that we speak to.
            return found;
        }
        catch (Exception fault) when (fault is (NatsException and not NatsJSApiException) || (fault is OperationCanceledException && !ct.IsCancellationRequested))
        {
            // One who may not change streams gets no answer.
            return found;
        }
    }

    private static int Needed(NatsLink link, StreamShape shape) => NatsServerVersion.LimitsConsumers(link.ServerVersion) ? shape.MaxConsumers : 0;
}
