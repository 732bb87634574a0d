using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Streams.Tests.Records;

public class EnvelopeCodecTests
{
    private static readonly Envelope Least = new()
    {
        CallId = "c",
        DeliveryId = "d",
        Function = "env",
        Namespace = "openfaas-fn",
        Submitted = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };

    private static readonly Envelope Full = new()
    {
        CallId = "6f1b2a94-5f6f-4c2b-8f0e-0a6a2d9be001",
        DeliveryId = "b5a7c1de-7a68-4f3e-9f57-3c9d0f1e2a02",
        Function = "figlet",
        Namespace = "openfaas-fn",
        Path = "/a%20b/ü",
        Query = "q=1&q=2",
        Headers = [new("Content-Type", "text/plain; charset=utf-8"), new("X-Tag", "one"), new("X-Tag", "two"), new("X-Name", "Jörg 日本")],
        Callback = "https://example.com/hook?token=x",
        Submitted = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero),
        Due = new DateTimeOffset(2026, 1, 2, 3, 4, 10, TimeSpan.Zero),
        Deadline = new DateTimeOffset(2026, 1, 2, 4, 4, 5, TimeSpan.Zero),
        NotBefore = new DateTimeOffset(2026, 1, 2, 3, 4, 15, 678, TimeSpan.Zero),
        Attempt = 2,
        Redrive = 1,
        Hops = 3,
        Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        Retry = new RetrySettings
        {
            Attempts = 5,
            Codes = [429, 503],
            MinWait = TimeSpan.FromSeconds(1.5),
            MaxWait = TimeSpan.FromMinutes(2),
            MaxAge = TimeSpan.FromHours(1),
        },
        MaxInflight = 4,
        StoreResult = TimeSpan.FromDays(1),
        Priority = Priority.High,
    };

    [Fact]
    public void A_full_envelope_is_written_as_the_golden_file_has_it() => Assert.Equal(Golden.Read("envelope-full"), EnvelopeCodec.Encode(Full));

    [Fact]
    public void The_least_envelope_is_written_as_the_golden_file_has_it() => Assert.Equal(Golden.Read("envelope-least"), EnvelopeCodec.Encode(Least));

    [Theory]
    [InlineData("envelope-full")]
    [InlineData("envelope-least")]
    [InlineData("envelope-newer")]
    public void What_was_read_is_written_back_unchanged_unknown_keys_included(string golden)
    {
        var envelope = EnvelopeCodec.TryDecode(Golden.Read(golden), out var error);

        Assert.Equal("", error);
        Assert.Equal(Golden.Read(golden), EnvelopeCodec.Encode(envelope!));
    }

    [Fact]
    public void A_copy_keeps_unknown_keys()
    {
        var envelope = EnvelopeCodec.TryDecode(Golden.Read("envelope-newer"), out _)!;

        var copy = EnvelopeCodec.Encode(envelope with { Attempt = 2 });

        Assert.Contains("\"shard\":7", copy, StringComparison.Ordinal);
        Assert.Contains("\"spread\":0.5", copy, StringComparison.Ordinal);
        Assert.Contains("\"attempt\":2", copy, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_written_is_one_line_of_ascii_whatever_is_in_it_and_reads_back()
    {
        var random = new Random(5);
        for (var i = 0; i < 500; i++)
        {
            var text = AnyText(random);
            var envelope = Least with { Path = "/" + text, Query = text, Callback = text, Headers = [new(text, text), new(text, "")] };

            var encoded = EnvelopeCodec.Encode(envelope);

            Assert.DoesNotContain(encoded, c => c is < ' ' or > '~');
            var again = EnvelopeCodec.TryDecode(encoded, out var error);
            Assert.Equal("", error);
            Assert.Equal(envelope.Headers, again!.Headers);
            Assert.Equal("/" + text, again.Path);
        }
    }

    [Fact]
    public void Absent_keys_take_their_defaults()
    {
        var envelope = EnvelopeCodec.TryDecode("""{"callId":"c","deliveryId":"d","fn":"env","ns":"openfaas-fn","submitted":"2026-01-02T03:04:05Z"}""", out var error);

        Assert.Equal("", error);
        Assert.Equal(Golden.Read("envelope-least"), EnvelopeCodec.Encode(envelope!));
    }

    [Fact]
    public void That_nobody_has_listed_the_function_is_written_only_of_such_a_call_and_kept_in_its_copies()
    {
        var encoded = EnvelopeCodec.Encode(Least with { IsUnlisted = true });

        Assert.Contains("\"unlisted\":true", encoded, StringComparison.Ordinal);
        Assert.DoesNotContain("unlisted", EnvelopeCodec.Encode(Least), StringComparison.Ordinal);
        Assert.True((EnvelopeCodec.TryDecode(encoded, out _)! with { Attempt = 2 }).IsUnlisted);
        Assert.False(EnvelopeCodec.TryDecode(EnvelopeCodec.Encode(Least), out _)!.IsUnlisted);
    }

    [Fact]
    public void That_the_namespace_was_not_named_is_written_only_of_such_a_call_and_kept_in_its_copies()
    {
        var encoded = EnvelopeCodec.Encode(Least with { IsBare = true });

        Assert.Contains("\"bare\":true", encoded, StringComparison.Ordinal);
        Assert.DoesNotContain("bare", EnvelopeCodec.Encode(Least), StringComparison.Ordinal);
        Assert.Equal("env", (EnvelopeCodec.TryDecode(encoded, out _)! with { Attempt = 2 }).NameAsCalled);
        Assert.Equal("env.openfaas-fn", EnvelopeCodec.TryDecode(EnvelopeCodec.Encode(Least), out _)!.NameAsCalled);
    }

    [Fact]
    public void A_newer_version_is_read_as_far_as_it_is_known()
    {
        var envelope = EnvelopeCodec.TryDecode(Golden.Read("envelope-least").Replace("\"v\":1", "\"v\":2", StringComparison.Ordinal), out var error);

        Assert.Equal("", error);
        Assert.Equal(2, envelope!.Version);
    }

    [Theory]
    [InlineData("""{"v":2}""", 2)]
    [InlineData("""{"callId":7,"headers":{"v":1},"v":3,"new":[{"v":9}]}""", 3)]
    [InlineData("""{"v":1}""", null)]
    [InlineData("""{"v":"2"}""", null)]
    [InlineData("""{"headers":{"v":2}}""", null)]
    [InlineData("""[{"v":2}]""", null)]
    [InlineData("""{"v":2""", null)]
    [InlineData("not json", null)]
    public void A_newer_version_of_another_shape_is_known_by_its_version_alone(string header, int? version)
    {
        Assert.Null(EnvelopeCodec.TryDecode(header, out _));
        Assert.Equal(version, EnvelopeCodec.TryDecodeNewer(System.Text.Encoding.UTF8.GetBytes(header))?.Version);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("{\"v\":1")]
    [InlineData("\u0000")]
    public void What_is_no_envelope_is_refused_with_a_reason(string? header)
    {
        Assert.Null(EnvelopeCodec.TryDecode(header, out var error));
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData("\"v\":1", "\"v\":0")]
    [InlineData("\"callId\":\"c\"", "\"callId\":\"\"")]
    [InlineData("\"callId\":\"c\",", "")]
    [InlineData("\"callId\":\"c\"", "\"callId\":null")]
    [InlineData("\"deliveryId\":\"d\"", "\"deliveryId\":\"\"")]
    [InlineData("\"deliveryId\":\"d\"", "\"deliveryId\":null")]
    [InlineData("\"fn\":\"env\"", "\"fn\":\"\"")]
    [InlineData("\"fn\":\"env\"", "\"fn\":null")]
    [InlineData("\"fn\":\"env\"", "\"fn\":\"a/../b\"")]
    [InlineData("\"ns\":\"openfaas-fn\"", "\"ns\":\"a b\"")]
    [InlineData("\"attempt\":1", "\"attempt\":0")]
    [InlineData("\"attempt\":1", "\"attempt\":\"1\"")]
    [InlineData("\"headers\":[]", "\"headers\":[[\"a\"]]")]
    [InlineData("\"headers\":[]", "\"headers\":[[\"a\",\"b\",\"c\"]]")]
    [InlineData("\"headers\":[]", "\"headers\":[{\"a\":\"b\"}]")]
    [InlineData("\"headers\":[]", "\"headers\":null")]
    [InlineData("\"path\":\"\"", "\"path\":null")]
    [InlineData("\"query\":\"\"", "\"query\":null")]
    [InlineData("\"method\":\"POST\"", "\"method\":null")]
    [InlineData("\"submitted\":\"2026-01-02T03:04:05+00:00\"", "\"submitted\":\"yesterday\"")]
    [InlineData("\"priority\":\"normal\"", "\"priority\":\"urgent\"")]
    [InlineData("\"hops\":0", "\"storeResult\":\"-1s\"")]
    [InlineData("\"headers\":[]", "\"headers\":[null]")]
    [InlineData("\"hops\":0", "\"tags\":[\"a\",null]")]
    [InlineData("\"hops\":0", "\"pastAttempts\":[null]")]
    public void A_broken_field_is_refused_with_a_reason(string part, string broken)
    {
        var header = Golden.Read("envelope-least").Replace(part, broken, StringComparison.Ordinal);
        Assert.NotEqual(Golden.Read("envelope-least"), header);

        Assert.Null(EnvelopeCodec.TryDecode(header, out var error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void A_time_that_nobody_can_count_on_from_is_the_last_from_which_one_can()
    {
        var call = EnvelopeCodec.TryDecode(Golden.Read("envelope-full").Replace("\"2026-01-02", "\"9999-12-31", StringComparison.Ordinal), out _)!;

        foreach (var time in new[] { call.Submitted, call.Due, call.Deadline, call.NotBefore })
        {
            var group = AsideGroup.At(time!.Value);
            Assert.Equal((2286, group.Due), (time.Value.Year, AsideGroup.Of(StreamNames.AsideSubject("q", group, Priority.Normal, call.FunctionName)).Due));
        }
    }

    private static string AnyText(Random random)
    {
        var text = new System.Text.StringBuilder();
        for (var i = random.Next(1, 40); i > 0; i--)
        {
            var rune = random.Next(3) switch { 0 => random.Next(0, 0x80), 1 => random.Next(0x80, 0xd800), _ => random.Next(0xe000, 0x110000) };
            text.Append(new System.Text.Rune(rune));
        }

        return text.ToString();
    }
}
