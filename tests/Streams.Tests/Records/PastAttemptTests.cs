using System.Text;
using Connectors.Streams.Records;
using CsCheck;

namespace Connectors.Streams.Tests.Records;

public class PastAttemptTests
{
    private static readonly DateTimeOffset Then = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    private static readonly Gen<PastAttempt> Attempts =
        from status in Gen.Int[100, 599]
        from seconds in Gen.Double[0, 100_000]
        from text in Gen.OneOf(Gen.String[0, 300], Gen.Const(new string('ü', 300)), Gen.Const(new string('<', 300)))
        from hasError in Gen.Bool
        let error = hasError ? text : null
        select new PastAttempt { At = Then, Status = status, Seconds = Math.Round(seconds, 6), Error = error };

    [Fact]
    public void However_many_sends_and_whatever_their_errors_the_envelope_grows_by_no_more_than_its_share() =>
        Attempts.Array[1, 60].Sample(attempts =>
        {
            var call = new Envelope { CallId = "c", DeliveryId = "d", Function = "f", Namespace = "n", Submitted = Then };
            var past = attempts.Aggregate((IReadOnlyList<PastAttempt>?)null, PastAttempt.Add)!;

            var grown = EnvelopeCodec.Encode(call with { PastAttempts = past });

            Assert.InRange(grown.Length - EnvelopeCodec.Encode(call).Length, 1, PastAttempt.MaxBytes + ",\"pastAttempts\":[]".Length);
            Assert.Equal(attempts[^past.Count..], past);
            Assert.Equal(Valid(past), Valid(EnvelopeCodec.TryDecode(grown, out _)!.PastAttempts!));
        });

    [Fact]
    public void Some_dozen_usual_sends_are_all_kept()
    {
        var past = Enumerable.Range(0, 30).Select(_ => new PastAttempt { At = Then, Status = 503, Seconds = 0.012345 }).Aggregate((IReadOnlyList<PastAttempt>?)null, PastAttempt.Add);

        Assert.Equal(30, past!.Count);
    }

    // Half of a pair is no text, and is written as the replacement character.
    private static IEnumerable<PastAttempt> Valid(IEnumerable<PastAttempt> attempts) =>
        attempts.Select(a => a with { Error = a.Error is null ? null : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(a.Error)) });
}
