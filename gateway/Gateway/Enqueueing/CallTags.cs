using System.Text.RegularExpressions;
using Connectors.Streams.Records;

namespace Connectors.Gateway.Enqueueing;

/// <summary>The words by which a caller wants to find its call again.</summary>
internal static partial class CallTags
{
    /// <summary>What a tag may be, in words.</summary>
    public const string Rule = "at most 8 tags, separated by commas, each 1 to 64 of A-Z a-z 0-9 _ . : / = @ + -";

    /// <summary>What a tag in a query may be, in words.</summary>
    public const string TagRule = "tag: 1 to 64 of A-Z a-z 0-9 _ . : / = @ + -.";

    private const int MaxTags = 8;

    /// <summary>Null tags for none given; a refusal for what are none.</summary>
    public static Refusal? Read(HttpRequest request, out IReadOnlyList<string>? tags)
    {
        tags = null;
        var given = request.Headers[CallHeaders.Tags];
        if (given.Count == 0)
        {
            return null;
        }

        var found = given.SelectMany(line => line!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).Distinct(StringComparer.Ordinal).ToList();
        tags = found.Count > 0 ? found : null;
        return found.Count <= MaxTags && found.All(IsTag) ? null : new Refusal(StatusCodes.Status400BadRequest, $"{CallHeaders.Tags}: {Rule}.");
    }

    public static bool IsTag(string text) => Tag().IsMatch(text);

    [GeneratedRegex(@"^[A-Za-z0-9_.:/=@+-]{1,64}\z")]
    private static partial Regex Tag();
}
