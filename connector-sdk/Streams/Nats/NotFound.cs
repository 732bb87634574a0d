using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>Streams, consumers and messages that are not there.</summary>
public static class NotFound
{
    /// <summary>Whether the server says that there is no such stream, consumer or message.</summary>
    public static bool IsNotFound(this NatsJSApiException fault) => fault.Error.Code == 404;

    /// <summary>A stream, without the counts of its subjects, of which there may be hundreds of thousands; null if there is none.</summary>
    /// <param name="link">The connection to the streams.</param>
    /// <param name="stream">The stream's name.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<StreamInfo?> FindStreamAsync(this NatsLink link, string stream, CancellationToken ct)
    {
        try
        {
            return (await link.JetStream.GetStreamAsync(stream, cancellationToken: ct)).Info;
        }
        catch (NatsJSApiException missing) when (missing.IsNotFound())
        {
            return null;
        }
    }
}
