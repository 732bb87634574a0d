using Connectors.Sdk.Topics;

namespace Connectors.RabbitMq.Settling;

/// <summary>
/// Whether the gateway is away, as the messages of one queue meet it: none of their calls has reached it since the first that did not, and it has not listed
/// its functions since then either.
/// </summary>
internal sealed class Outage(LatestTopicMap topics, TimeProvider time)
{
    private volatile Beginning? _begun;

    /// <summary>A call did not reach it.</summary>
    public void Meet()
    {
        if (_begun?.Map != topics.Value)
        {
            _begun = new Beginning(time.GetTimestamp(), topics.Value);
        }
    }

    /// <summary>One did.</summary>
    public void End() => _begun = null;

    /// <summary>Whether it has been away for so long.</summary>
    public bool HasLasted(TimeSpan patience) => _begun is { } begun && begun.Map == topics.Value && time.GetElapsedTime(begun.At) >= patience;

    /// <summary>Waits, if it has been away for so long, until it has listed its functions once more since that began.</summary>
    public async Task OverAsync(TimeSpan patience, CancellationToken ct)
    {
        if (_begun is { } begun && time.GetElapsedTime(begun.At) >= patience)
        {
            await topics.NextAsync(begun.Map, ct);
        }
    }

    private sealed record Beginning(long At, TopicMap Map);
}
