using System.Globalization;
using Connectors.Sdk.Events;
using Connectors.Sdk.Hosting;
using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Events;

public class EventRequestTests
{
    private static readonly Event Order = new()
    {
        Id = "kafka:orders:0:42",
        Topic = "orders",
        Body = "x"u8.ToArray(),
        Headers = [new("X-Kafka-Key", "k"), new("x-topic", "forged"), new("Content-Type", "forged/type")],
        Source = "/kafka/orders 1",
        Time = new DateTimeOffset(2026, 1, 2, 4, 4, 5, 678, TimeSpan.FromHours(1)),
    };

    private static readonly FunctionName Figlet = new("figlet", "openfaas-fn");

    [Fact]
    public void It_carries_connector_topic_ids_and_the_events_own_headers_but_none_twice()
    {
        var call = Make(new ConnectorOptions { ContentType = "text/plain", UpstreamTimeout = TimeSpan.FromSeconds(9) }, Order);

        Assert.Equal(Figlet, call.Function);
        Assert.False(call.Asynchronous);
        Assert.Equal(TimeSpan.FromSeconds(9), call.Timeout);
        Assert.Equal("test-connector", One(call, "X-Connector"));
        Assert.Equal("orders", One(call, "X-Topic"));
        Assert.Equal("call-1", One(call, "X-Call-Id"));
        Assert.Equal("kafka:orders:0:42", One(call, "Idempotency-Key"));
        Assert.Equal("text/plain", One(call, "Content-Type"));
        Assert.Equal("k", One(call, "X-Kafka-Key"));
        Assert.DoesNotContain(call.Headers, h => h.Is("traceparent") || h.Name.StartsWith("ce-", StringComparison.Ordinal));
    }

    [Fact]
    public void The_events_own_content_type_mode_trace_and_call_id_win()
    {
        var trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        var own = Order with { ContentType = "application/json", Asynchronous = true, Headers = [new("traceparent", trace), new("X-Call-Id", "mine")] };

        var call = Make(new ConnectorOptions { ContentType = "text/plain" }, own);

        Assert.True(call.Asynchronous);
        Assert.Equal("application/json", One(call, "Content-Type"));
        Assert.Equal(trace, One(call, "traceparent"));
        Assert.Equal("mine", EventRequest.CallId(own));
    }

    [Fact]
    public void The_span_of_its_run_takes_the_place_of_the_events_own_trace()
    {
        var (own, ours) = ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");

        Assert.Equal(ours, One(Make(new ConnectorOptions(), Order with { Headers = [new("traceparent", own)] }, ours), "traceparent"));
    }

    [Theory]
    [InlineData("5")]
    [InlineData("text")]
    [InlineData("text/\u4e16")]
    [InlineData("text/plain\r\nX-Injected: 1")]
    [InlineData("")]
    public void A_content_type_that_is_none_gives_way_to_the_connectors(string type) =>
        Assert.Equal("text/plain", One(Make(new ConnectorOptions { ContentType = "text/plain" }, Order with { ContentType = type }), "Content-Type"));

    [Theory]
    [InlineData("garbage")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331")]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    [InlineData("\u0001\u0002")]
    public void A_trace_that_is_none_is_not_continued(string trace) =>
        Assert.DoesNotContain(Make(new ConnectorOptions(), Order with { Headers = [new("traceparent", trace)] }).Headers, h => h.Is("traceparent"));

    [Theory]
    [InlineData("a b")]
    [InlineData("call 1\r\n")]
    [InlineData("\u4e16")]
    [InlineData("a/b")]
    public void A_call_id_that_is_none_is_not_continued(string callId) =>
        Assert.True(Guid.TryParse(EventRequest.CallId(Order with { Headers = [new("X-Call-Id", callId)] }), out _));

    [Fact]
    public void What_no_header_can_carry_is_encoded_and_said_to_be()
    {
        var call = Make(new ConnectorOptions(), Order with { Topic = "größe", Headers = [new("X-City", "Zürich \u4e16"), new("X Odd\r\n", "a\r\nX-Injected: 1"), new("X-Plain", "as it is")] });

        Assert.Equal(Base64("Zürich \u4e16"), One(call, "X-City"));
        Assert.Equal("b64", One(call, "X-City-Enc"));
        Assert.Equal(Base64("a\r\nX-Injected: 1"), One(call, "X%20Odd%0D%0A"));
        Assert.Equal(Base64("größe"), One(call, "X-Topic"));
        Assert.Equal("b64", One(call, "X-Topic-Enc"));
        Assert.Equal("as it is", One(call, "X-Plain"));
        Assert.DoesNotContain(call.Headers, h => h.Is("X-Plain-Enc"));

        static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public void What_HTTP_sets_itself_is_left_out() =>
        Assert.DoesNotContain(
            Make(new ConnectorOptions(), Order with { Headers = [new("Host", "x"), new("connection", "x"), new("Content-Length", "5"), new("", "x")] }).Headers,
            h => h.Value is "x" or "5");

    [Fact]
    public void Without_any_content_type_none_is_sent() =>
        Assert.DoesNotContain(Make(new ConnectorOptions(), Order with { Headers = [] }).Headers, h => h.Is("Content-Type"));

    [Fact]
    public void As_a_cloud_event_it_has_the_attributes_of_binary_mode()
    {
        var call = Make(new ConnectorOptions { CloudEvents = true }, Order with { Type = "connectors.kafka.record", Topic = "orders\"%ü" });

        Assert.Equal("1.0", One(call, "ce-specversion"));
        Assert.Equal("kafka:orders:0:42", One(call, "ce-id"));
        Assert.Equal("/kafka/orders%201", One(call, "ce-source"));
        Assert.Equal("connectors.kafka.record", One(call, "ce-type"));
        Assert.Equal("orders%22%25%C3%BC", One(call, "ce-subject"));
        Assert.Equal("2026-01-02T03:04:05.678Z", One(call, "ce-time"));
    }

    // As in Denmark: without cultures on the machine there is no other way to one.
    [Fact]
    public void The_time_of_a_cloud_event_is_written_the_same_in_any_culture()
    {
        var usual = CultureInfo.CurrentCulture;
        var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        other.DateTimeFormat.TimeSeparator = ".";
        CultureInfo.CurrentCulture = other;
        try
        {
            Assert.Equal("2026-01-02T03:04:05.678Z", One(Make(new ConnectorOptions { CloudEvents = true }, Order), "ce-time"));
        }
        finally
        {
            CultureInfo.CurrentCulture = usual;
        }
    }

    [Fact]
    public void A_cloud_event_without_source_is_the_connectors_and_without_time_has_none()
    {
        var call = Make(new ConnectorOptions { CloudEvents = true }, Order with { Source = "", Time = null });

        Assert.Equal("/test-connector", One(call, "ce-source"));
        Assert.DoesNotContain(call.Headers, h => h.Is("ce-time"));
    }

    [Theory]
    [InlineData("cron:abc:2026-01-02T03:04:05Z", true)]
    [InlineData("a", true)]
    [InlineData("", false)]
    [InlineData("with space", false)]
    [InlineData("ü", false)]
    [InlineData("a\nb", false)]
    public void An_id_that_is_no_key_is_hashed(string id, bool isKept)
    {
        var key = EventRequest.IdempotencyKey(id);

        Assert.Equal(isKept, key == id);
        Assert.Matches("^[A-Za-z0-9_.:-]{1,128}$", key);
        Assert.Equal(key, EventRequest.IdempotencyKey(id));
    }

    [Fact]
    public void A_key_has_at_most_128_characters()
    {
        Assert.Equal(128, EventRequest.IdempotencyKey(new string('a', 128)).Length);
        Assert.Equal(43, EventRequest.IdempotencyKey(new string('a', 129)).Length);
    }

    private static string One(FunctionCall call, string name) => Assert.Single(call.Headers, h => h.Is(name)).Value;

    private static FunctionCall Make(ConnectorOptions options, Event content, string? trace = null)
    {
        var service = new ServiceOptions
        {
            Name = "test-connector",
            BindAddress = "127.0.0.1",
            MetricsPort = 0,
            GracePeriod = TimeSpan.Zero,
            Debug = false,
            LogEncoding = LogEncoding.Console,
            SecretMountPath = "/",
        };
        return new EventRequest(service, options).For(content, new Run("call-1", trace ?? EventRequest.Trace(content), 1, []), Figlet);
    }
}
