using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>Which refusals say of a server that others are away, and nothing of what was asked for.</summary>
public static class Outage
{
    private const int Unavailable = 503;

    // No suitable peers, cluster not assigned, not the leader: what a cluster says while it is about to be one again. And that all servers of a stream, or of a
    // consumer, are away.
    private static readonly int[] Codes = [10005, 10007, 10009, 10118, 10119];

    /// <summary>Whether the same may be asked again, and answered, once servers are back.</summary>
    public static bool MayPass(ApiError error) => error.Code == Unavailable || Codes.Contains(error.ErrCode);
}
