using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

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
}
