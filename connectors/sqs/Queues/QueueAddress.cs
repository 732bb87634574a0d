using System.Text.RegularExpressions;

namespace Connectors.Sqs.Queues;

/// <summary>Where a queue is, and what its address says of it.</summary>
/// <param name="Url">The address as given; requests carry it unchanged.</param>
/// <param name="Name">Its last segment, which is the topic.</param>
/// <param name="Region">The region that requests are signed for.</param>
/// <param name="Endpoint">Where requests go.</param>
internal sealed partial record QueueAddress(string Url, string Name, string Region, Uri Endpoint)
{
    /// <summary>FIFO queues, and no others, have names that end so.</summary>
    public bool IsFifo => Name.EndsWith(".fifo", StringComparison.Ordinal);

    /// <summary>Whether the address itself names its region.</summary>
    public bool NamesRegion => RegionInHost().IsMatch(new Uri(Url).Host);

    /// <summary>Null for what is no queue's address.</summary>
    /// <param name="text">The address.</param>
    /// <param name="defaultRegion">For a host that names no region.</param>
    /// <param name="endpoint">Where requests go instead of to the address's host; null for there.</param>
    public static QueueAddress? TryParse(string text, string defaultRegion, Uri? endpoint)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || !QueueName().IsMatch(url.AbsolutePath))
        {
            return null;
        }

        var region = RegionInHost().Match(url.Host);
        return new QueueAddress(
            text,
            url.Segments[^1],
            region.Success ? region.Groups["region"].Value : defaultRegion,
            endpoint ?? new Uri(url.GetLeftPart(UriPartial.Authority)));
    }

    [GeneratedRegex(@"/[A-Za-z0-9_-]{1,80}(\.fifo)?$")]
    private static partial Regex QueueName();

    // sqs.<region>.…, sqs-fips.<region>.… and vpce-….sqs.<region>.…, and the older <region>.queue.….
    [GeneratedRegex(@"(?:^|\.)sqs(?:-fips)?\.(?<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)(?:\.|$)|^(?<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)\.queue\.")]
    private static partial Regex RegionInHost();
}
