using NATS.Client.JetStream.Models;

namespace Connectors.Streams.Nats;

/// <summary>Whose word counts in a cluster: one that is cut off from the others takes itself for the leader for some seconds more.</summary>
internal static class Quorum
{
    // Servers of a group hear each other each second.
    private static readonly TimeSpan Presence = TimeSpan.FromSeconds(3);

    /// <summary>Whether most servers of the group follow whoever answered. A server that stands alone needs no other.</summary>
    public static bool Follows(ClusterInfo? group)
    {
        var others = group?.Replicas ?? [];
        return others.Count(other => !other.Offline && other.Active < Presence) + 1 > (others.Count + 1) / 2;
    }
}
