using System.Text;
using System.Text.Json;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.QueueWorker.Tests;

public sealed class EnvelopeReaderTests
{
    private static readonly Gen<string> Word = Gen.OneOf(Gen.Const(""), Gen.Const("POST"), Gen.Const("Jörg \"日本\"\n"), Gen.String[0, 12]);

    private static readonly Gen<Envelope> Envelopes =
        from texts in Word.Array[6]
        from headers in Gen.Select(Word, Word).Array[0, 4]
        from numbers in Gen.Int.Array[5]
        from options in Gen.Bool.Array[8]
        from ticks in Gen.Long[0, TimeSpan.FromDays(3650).Ticks]
        let time = DateTimeOffset.UnixEpoch.AddTicks(ticks)
        select new Envelope
        {
            CallId = "c" + texts[0],
            DeliveryId = "d",
            Function = "fn",
            Namespace = "ns",
            Method = texts[1],
            Path = texts[2],
            Query = texts[3],
            Headers = [.. headers.Select(h => new Sdk.Invocation.Header(h.Item1, h.Item2))],
            Callback = options[0] ? texts[4] : null,
            Trace = options[1] ? texts[5] : null,
            Submitted = time,
            Due = options[6] ? time.AddMinutes(1) : null,
            Deadline = options[2] ? time.AddHours(1) : null,
            NotBefore = options[3] ? time.AddTicks(1) : null,
            FirstAt = options[4] ? time : null,
            Attempt = numbers[0],
            Redrive = numbers[1],
            Hops = numbers[2],
            MaxInflight = options[5] ? numbers[3] : null,
            Tags = options[6] ? [texts[0], texts[1]] : null,
            Priority = numbers[4] % 2 == 0 ? Priority.High : Priority.Normal,
            IsBare = options[7],
        };

    // With what few envelopes have too.
    private static readonly Gen<Envelope> Complete =
        from envelope in Envelopes
        from options in Gen.Bool.Array[8]
        from text in Word
        from number in Gen.Int[0, 100_000]
        select envelope with
        {
            StoreResult = options[0] ? TimeSpan.FromMilliseconds(number) : null,
            Retry = options[1] ? new RetrySettings { Attempts = number, Codes = [500, 503], MinWait = TimeSpan.FromSeconds(number) } : null,
            Breaker = options[2] ? new BreakerSettings { Failures = number } : null,
            Edited = options[3] ? new EditedFrom { Seq = (ulong)number, Function = text, Changed = ["body", text], At = envelope.Submitted } : null,
            PastAttempts = options[4] ? [new PastAttempt { At = envelope.Submitted, Error = text }] : null,
            IsUnlisted = options[5],
            Unknown = options[6]
                ? new Dictionary<string, JsonElement> { ["later" + text] = JsonDocument.Parse("""{"a":[1,null,"é"]}""").RootElement, ["z"] = JsonDocument.Parse("2e3").RootElement }
                : null,
            Headers = options[7] ? [new("X-Lone", "\ud800"), new("X-Control", "\0\u007f<&>")] : envelope.Headers,
        };

    [Fact]
    public void What_our_own_gateway_writes_is_read_here_and_as_the_serializer_reads_it() => Envelopes.Sample(envelope =>
    {
        var json = EnvelopeCodec.Encode(envelope);

        var read = EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(json));

        Assert.NotNull(read);
        Assert.Equal(EnvelopeCodec.Encode(JsonSerializer.Deserialize(json, RecordJson.Default.Envelope)!), EnvelopeCodec.Encode(read));
    });

    [Fact]
    public void An_envelope_is_written_as_the_serializer_writes_it() => Complete.Sample(envelope =>
        Assert.Equal(JsonSerializer.Serialize(envelope, RecordJson.Default.Envelope), EnvelopeCodec.Encode(envelope)));

    [Fact]
    public void No_member_of_an_envelope_is_forgotten_when_it_is_written()
    {
        var members = RecordJson.Default.Envelope.Properties.Where(member => !member.IsExtensionData && member.Get is not null).Select(member => member.Name).ToList();
        var written = new HashSet<string>(StringComparer.Ordinal);

        // Whatever is optional is there in about half of them.
        Complete.Sample(
            envelope =>
            {
                lock (written)
                {
                    written.UnionWith(JsonDocument.Parse(EnvelopeCodec.Encode(envelope)).RootElement.EnumerateObject().Select(member => member.Name));
                }
            },
            iter: 1000);

        Assert.Empty(members.Except(written));
    }

    [Fact]
    public void What_is_broken_or_odd_is_left_to_the_serializer_or_read_as_it_reads_it() =>
        Gen.Select(Envelopes, Gen.Int[0, 400], Gen.OneOf(Gen.Const("null"), Gen.Const("\"x\":1,"), Gen.Const("}"), Gen.Const("9"), Gen.Const("\\ud800"), Gen.Const("")), Gen.Int[0, 3]).Sample((envelope, at, inserted, removed) =>
        {
            var json = EnvelopeCodec.Encode(envelope);
            at = Math.Min(at, json.Length);
            json = json[..at] + inserted + json[Math.Min(json.Length, at + removed)..];

            var read = EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(json));

            if (read is not null)
            {
                Assert.Equal(EnvelopeCodec.Encode(JsonSerializer.Deserialize(json, RecordJson.Default.Envelope)!), EnvelopeCodec.Encode(read));
            }
        });
}
