using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.Streams.Tests.Records;

public class RecordTests
{
    private static readonly DateTimeOffset Then = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void A_biography_is_written_as_the_golden_file_has_it_and_reads_back()
    {
        var biography = new Biography
        {
            Reason = DeadReasons.Exhausted,
            Status = 503,
            Attempts = 3,
            FirstAt = Then,
            LastAt = Then.AddSeconds(90),
            Error = "connection refused",
        };

        Assert.Equal(Golden.Read("biography"), biography.Encode());
        Assert.Equal(biography, Biography.TryDecode(Golden.Read("biography")));
    }

    [Fact]
    public void A_callback_record_is_written_as_the_golden_file_has_it_and_reads_back()
    {
        var record = new CallbackRecord
        {
            Status = 200,
            Headers = [new("Content-Type", "text/plain"), new("X-Tag", "a"), new("X-Tag", "ü")],
            Seconds = 0.25,
            Attempts = 3,
            Since = Then,
            Attempt = 2,
            NotBefore = Then.AddSeconds(10),
        };

        Assert.Equal(Golden.Read("callback"), record.Encode());
        var again = CallbackRecord.TryDecode(Golden.Read("callback"));
        Assert.Equal(record.Headers, again!.Headers);
        Assert.Equal(record, again with { Headers = record.Headers });
    }

    [Fact]
    public void Absent_keys_take_their_defaults()
    {
        var record = CallbackRecord.TryDecode("""{"status":200,"since":"2026-01-02T03:04:05Z"}""");

        Assert.Equal((1, 1), (record!.Attempts, record.Attempt));
        Assert.Empty(record.Headers);
    }

    // Generated code initializes what can only be initialized, with its type's default where the key is absent.
    [Fact]
    public void A_property_with_a_default_of_its_own_can_be_set()
    {
        var records = typeof(RecordJson).GetCustomAttributesData().Where(attribute => attribute.AttributeType == typeof(JsonSerializableAttribute))
            .Select(attribute => (Type)attribute.ConstructorArguments[0].Value!).ToList();

        Assert.NotEmpty(records);
        foreach (var record in records)
        {
            var fresh = Activator.CreateInstance(record);
            Assert.All(
                record.GetProperties().Where(property => property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) == true),
                property => Assert.True(
                    Equals(property.GetValue(fresh), property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null), $"{record.Name}.{property.Name} wants set for init"));
        }
    }

    [Fact]
    public void Unknown_keys_are_kept()
    {
        Assert.Contains("\"weather\":\"fine\"", CallbackRecord.TryDecode("""{"status":200,"since":"2026-01-02T03:04:05Z","weather":"fine"}""")!.Encode(), StringComparison.Ordinal);
        Assert.Contains("\"weather\":\"fine\"", Biography.TryDecode("""{"reason":"failed","weather":"fine"}""")!.Encode(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_that_is_null_in_a_list_of_a_record_makes_it_none() => Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[1, 3]).Sample((headers, tags, attempts) =>
    {
        IReadOnlyList<Header> lines = [.. Enumerable.Range(0, headers).Select(i => new Header("X-Tag", $"{i}"))];
        IReadOnlyList<string> words = [.. Enumerable.Range(0, tags).Select(i => $"tag{i}")];
        IReadOnlyList<PastAttempt> past = [.. Enumerable.Range(0, attempts).Select(i => new PastAttempt { At = Then, Status = 500 + i })];
        var call = new Envelope
        {
            CallId = "c",
            DeliveryId = "d",
            Function = "f",
            Namespace = "n",
            Submitted = Then,
            Headers = lines,
            Tags = words,
            PastAttempts = past,
            Retry = new RetrySettings { Codes = [429, 503] },
            Edited = new EditedFrom { Seq = 1, Function = "f.n", Changed = ["body"], At = Then },
        };
        var record = new CallbackRecord { Status = 200, Since = Then, Headers = lines, Posts = past };
        var callback = new EndedCallback { State = CallbackStates.Delivered, Posts = past };
        var line = new ArrayBufferWriter<byte>();
        new EndedCall { CallId = "c", DeliveryId = "d", Function = "f", Namespace = "n", State = EndStates.Dead, Ended = Then, Tags = words, Sends = past, Callback = callback }.WriteTo(line);

        IsNoneWithNull(EnvelopeCodec.Encode(call), json => EnvelopeCodec.TryDecode(json, out _));
        IsNoneWithNull(record.Encode(), CallbackRecord.TryDecode);
        IsNoneWithNull(Encoding.UTF8.GetString(line.WrittenSpan), json => EndedCall.TryDecode(Encoding.UTF8.GetBytes(json)));
        IsNoneWithNull(
            Encoding.UTF8.GetString(new BulkCancellation { At = Then, States = WaitStates.All }.Encode()), json => BulkCancellation.TryDecode(Encoding.UTF8.GetBytes(json)));
    });

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"reason\":null}")]
    [InlineData("{\"status\":null,\"since\":\"2026-01-02T03:04:05Z\"}")]
    public void What_is_none_is_told_apart(string? header)
    {
        Assert.Null(Biography.TryDecode(header));
        Assert.Null(CallbackRecord.TryDecode(header));
    }

    private static void IsNoneWithNull(string json, Func<string, object?> read)
    {
        Assert.NotNull(read(json));
        var entries = Lists(JsonNode.Parse(json)).Sum(list => list.Count);
        Assert.InRange(entries, 1, int.MaxValue);
        for (var entry = 0; entry < entries; entry++)
        {
            var root = JsonNode.Parse(json)!;
            var left = entry;
            foreach (var list in Lists(root).ToList())
            {
                if (left >= 0 && left < list.Count)
                {
                    list[left] = null;
                }

                left -= list.Count;
            }

            Assert.Null(read(root.ToJsonString()));
        }
    }

    private static IEnumerable<JsonArray> Lists(JsonNode? node) => node switch
    {
        JsonArray list => list.SelectMany(entry => Lists(entry)).Prepend(list),
        JsonObject one => one.SelectMany(property => Lists(property.Value)),
        _ => [],
    };
}
