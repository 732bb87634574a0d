using Connectors.Sdk.Invocation;

namespace Connectors.Sdk.Tests.Invocation;

/// <summary>What of an answer is held in memory while it is read.</summary>
public sealed class BodyReadingTests
{
    private const int Length = 16 << 20;

    // Nothing here waits, so all of it is done by this thread.
    [Theory]
    [InlineData(Length - 1)]
    [InlineData(1)]
    [InlineData(0)]
    public async Task An_answer_that_says_it_is_too_long_is_read_to_its_end_and_never_held(int keep)
    {
        using var content = new ByteArrayContent(new byte[Length]);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var (kept, length) = await BodyReading.ReadAsync(content, keep, CancellationToken.None);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Length / 4);
        Assert.Equal((0, (long)Length), (kept.Length, length));
    }
}
