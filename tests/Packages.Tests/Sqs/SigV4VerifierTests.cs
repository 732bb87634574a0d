using Connectors.Testing;

namespace Connectors.Packages.Tests.Sqs;

/// <summary>The verifier on the published vector <c>get-vanilla</c>: it must know the right signature and refuse every other.</summary>
public class SigV4VerifierTests
{
    private const string Secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    [Fact]
    public void The_published_signature_is_confirmed() => Assert.True(SigV4Verifier.Verify(Vanilla(), Secret));

    [Fact]
    public void A_changed_method_path_query_header_body_or_secret_is_refused()
    {
        var vanilla = Vanilla();

        Assert.False(SigV4Verifier.Verify(vanilla with { Method = "PUT" }, Secret));
        Assert.False(SigV4Verifier.Verify(vanilla with { Path = "/a" }, Secret));
        Assert.False(SigV4Verifier.Verify(vanilla with { Query = "a=b" }, Secret));
        Assert.False(SigV4Verifier.Verify(vanilla with { Body = [0] }, Secret));
        Assert.False(SigV4Verifier.Verify(With(vanilla, "Host", "example.amazonaws.con"), Secret));
        Assert.False(SigV4Verifier.Verify(With(vanilla, "X-Amz-Date", "20150830T123601Z"), Secret));
        Assert.False(SigV4Verifier.Verify(vanilla, Secret[..^1] + "Z"));
    }

    private static RecordedRequest With(RecordedRequest request, string name, string value) =>
        request with { Headers = [.. request.Headers.Select(h => h.Key == name ? KeyValuePair.Create(name, value) : h)] };

    private static RecordedRequest Vanilla() => new(
        TimeProvider.System.GetUtcNow(),
        "GET",
        "/",
        "",
        [
            KeyValuePair.Create("Host", "example.amazonaws.com"),
            KeyValuePair.Create("X-Amz-Date", "20150830T123600Z"),
            KeyValuePair.Create(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
                + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ],
        []);
}
