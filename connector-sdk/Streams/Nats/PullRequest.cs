using System.Globalization;
using System.Text;

namespace Connectors.Streams.Nats;

/// <summary>What is asked of a consumer.</summary>
/// <param name="Id">Its id among those of the consumer.</param>
/// <param name="Count">How many messages.</param>
/// <param name="Waits">Whether it waits for them.</param>
/// <param name="Size">For how many bytes.</param>
internal readonly record struct PullRequest(long Id, int Count, bool Waits, PullSize Size)
{
    /// <summary>How long one that waits does.</summary>
    public static readonly TimeSpan Expires = TimeSpan.FromSeconds(5);

    // The server tells of one that waits so often.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(1);

    /// <summary>The request in the server's words.</summary>
    /// <param name="bytes">The most that its messages may be together.</param>
    public byte[] Words(long bytes)
    {
        var limit = Size == PullSize.Unbounded ? "" : string.Create(CultureInfo.InvariantCulture, $",\"max_bytes\":{bytes}");
        return Encoding.ASCII.GetBytes(Waits
            ? string.Create(CultureInfo.InvariantCulture, $"{{\"batch\":{Count}{limit},\"expires\":{Expires.Ticks * 100},\"idle_heartbeat\":{Heartbeat.Ticks * 100}}}")
            : string.Create(CultureInfo.InvariantCulture, $"{{\"batch\":{Count}{limit},\"no_wait\":true}}"));
    }
}
