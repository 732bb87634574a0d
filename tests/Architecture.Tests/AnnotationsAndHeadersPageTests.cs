using System.Text.RegularExpressions;

namespace Connectors.Architecture.Tests;

/// <summary>docs/annotations-and-headers.md names every annotation, label and header that the services write or read, each once, and no other.</summary>
public sealed partial class AnnotationsAndHeadersPageTests
{
    // What the command, the client and the tests' kit write is read by these.
    private static readonly string[] Services = ["gateway/Gateway/", "gateway/Provider/", "queue-worker/", "connectors/", "connector-sdk/Sdk/", "connector-sdk/Streams/"];

    // OpenFaaS's: words that stand for much else too.
    private static readonly string[] PlainAnnotations = ["schedule", "timezone", "topic"];

    // Nobody asks for it: a name that functions' servers often write, kept so that it is not made anew with each answer.
    private static readonly string[] NotRead = ["X-Powered-By"];

    [Fact]
    public void The_page_names_exactly_the_annotations_and_labels_of_the_sources()
    {
        var scaling = Sources().Single(file => file.EndsWith("/ScaleLabels.cs", StringComparison.Ordinal));
        var read = Sources().SelectMany(file => Annotation().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value)
            .Concat(ScaleLabel().Matches(File.ReadAllText(scaling)).Select(match => "com.openfaas.scale." + match.Groups[1].Value))
            .Concat(PlainAnnotations)
            .Distinct()
            .ToList();
        Assert.InRange(read.Count, 25, int.MaxValue);

        Assert.Equal(read.Order(StringComparer.Ordinal), Listed().Where(IsOfFunction).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_page_names_exactly_the_headers_of_the_sources()
    {
        var used = Sources().SelectMany(file => Header().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value).Except(NotRead).ToList();
        Assert.InRange(used.Count, 60, int.MaxValue);

        Assert.Equal(used.Order(StringComparer.Ordinal), Listed().Where(name => !IsOfFunction(name)).Order(StringComparer.Ordinal));
    }

    private static bool IsOfFunction(string name) => name.StartsWith("com.openfaas.", StringComparison.Ordinal) || PlainAnnotations.Contains(name);

    private static IEnumerable<string> Sources() =>
        Repository.Files("*.cs").Where(file => Services.Any(service => Repository.Relative(file).StartsWith(service, StringComparison.Ordinal)));

    private static IEnumerable<string> Listed() =>
        Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "annotations-and-headers.md"))).Select(match => match.Groups[1].Value);

    [GeneratedRegex("\"(com\\.openfaas\\.[a-z._]*[a-z])\"")]
    private static partial Regex Annotation();

    [GeneratedRegex("(?:RuleName|OneOf|Fraction|Number|Duration)\\(\"([a-z.-]+)\"")]
    private static partial Regex ScaleLabel();

    // Those that end in a hyphen are beginnings, of names that an event brings: X-Kafka-.
    [GeneratedRegex("\"(X-[A-Za-z-]*[A-Za-z]|Idempotency-Key|traceparent|webhook-[a-z]+|ce-[a-z]+)\"")]
    private static partial Regex Header();

    [GeneratedRegex("^\\| `([^`]+)` \\|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
